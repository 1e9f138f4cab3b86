import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { listedFlags } from "./listedFlags.ts";

const recorded = readFileSync(new URL("recorded/vllm-0.32-help-excerpt.txt", import.meta.url), "utf8");
const llamaCpp = readFileSync(new URL("recorded/llamaCpp-0.5.0-help-excerpt.txt", import.meta.url), "utf8");

test("vLLM's recorded help lists flags, both names of switches, short names, and names after values", () => {
  const flags = listedFlags(recorded);
  expect(flags).toEqual(
    expect.arrayContaining(["--enable-prefix-caching", "--no-enable-prefix-caching", "--max-model-len", "-tp", "-asc"]),
  );
  expect(flags).toEqual(expect.arrayContaining(["--gpu-memory-utilization", "--device-memory-utilization", "--kv-transfer-config"]));
});

test("what its explanations and choices mention is no flag", () => {
  const flags = listedFlags(
    "  --one {a,--not-one}  As --other does.\n                        --more of it\n  --two [X ...]\nusage: prog --three\n",
  );
  expect(flags).toEqual(["--one", "--two"]);
});

test("llama.cpp's recorded help begins its lines with flags, and puts spaces between their names", () => {
  const flags = listedFlags(llamaCpp);
  expect(flags).toEqual(expect.arrayContaining(["--model", "-c", "--ctx-size", "-np", "--parallel", "--n-gpu-layers", "--threads"]));
  expect(flags).toEqual(expect.arrayContaining(["--alias", "--cache-prompt", "--no-cache-prompt", "--cache-ram", "--slot-save-path"]));
});
