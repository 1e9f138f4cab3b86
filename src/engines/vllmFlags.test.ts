import { expect, test } from "vitest";

import { inWordsOf } from "./vllmFlags.ts";

const today = {
  version: "0.32.0",
  flags: ["--enable-prefix-caching", "--no-enable-prefix-caching", "--no-enable-log-requests", "--max-model-len"],
};
const old = {
  version: "0.6.2",
  flags: ["--enable-prefix-caching", "--enable-chunked-prefill", "--disable-log-requests", "--max-model-len"],
};

test("what the installed version knows stays as it is", () => {
  const args = [
    "serve",
    "m",
    "--max-model-len",
    "4096",
    "--no-enable-prefix-caching",
    "--max_model_len=1",
    "--seed-not-a-flag".slice(2),
    "-tp",
    "2",
  ];
  expect(inWordsOf(today, args)).toEqual(args);
});

test("what changed its name is said in the words of the installed version", () => {
  const asked = ["--no-enable-prefix-caching", "--no-enable-chunked-prefill", "--no-enable-log-requests"];
  expect(inWordsOf(old, asked)).toEqual(["--enable-chunked-prefill", "False", "--disable-log-requests"]);
  expect(inWordsOf(today, ["--disable-log-requests"])).toEqual(["--no-enable-log-requests"]);
});

test("flags it does not know are one mistake, with the ones that were meant", () => {
  expect(() => inWordsOf(today, ["--max-modle-len", "1", "--zzz"])).toThrow(
    "vLLM 0.32.0 does not know --max-modle-len (did you mean --max-model-len?) and --zzz",
  );
});

test("an unambiguous beginning and a key of a JSON flag are known", () => {
  const program = { flags: ["--kv-transfer-config", "--max-model-len"] };
  const args = ["--kv-transfer-config.kv_role", "kv_both", "--max-model", "1"];
  expect(inWordsOf(program, args)).toEqual(args);
});

test("without the program nothing is known of it, and everything stays", () => {
  expect(inWordsOf(undefined, ["--anything"])).toEqual(["--anything"]);
});
