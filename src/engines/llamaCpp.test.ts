import { expect, test } from "vitest";

import type { InstalledProgram } from "../model/engine.ts";
import { llamaCpp, type LlamaCppOptions } from "./llamaCpp.ts";

const older = ["--model", "--host", "--port", "--ctx-size", "--parallel", "--n-gpu-layers", "--metrics", "--threads", "--threads-http"];
const today = [...older, "--no-cache-prompt", "--cache-ram", "--slot-save-path", "--cache-reuse"];

function argumentsOf(options: Partial<LlamaCppOptions>, program?: InstalledProgram): string {
  const { launch } = llamaCpp({ model: "/m.gguf", parallel: 2, ...options });
  if (!("command" in launch)) throw new Error("llama.cpp is started by a command");
  const world = { configFiles: {}, ...(program === undefined ? {} : { program }) };
  return launch.command({ port: 1, gpus: [], directory: "/scratch" }, world).args.join(" ");
}

test("without prefix caching nothing is copied for later either, where the installed version has a flag for that", () => {
  const start = "--model /m.gguf --host 127.0.0.1 --port 1 --parallel 2";
  expect(argumentsOf({ prefixCaching: false }, { flags: today })).toBe(
    `${start} --no-cache-prompt --cache-ram 0 --slot-save-path /scratch --metrics`,
  );
  expect(argumentsOf({ prefixCaching: false }, { flags: older })).toBe(`${start} --metrics`);
  expect(argumentsOf({}, { flags: today })).toBe(`${start} --slot-save-path /scratch --metrics`);
});

test("an author's flag that the installed version does not know is a mistake, with the one that was probably meant", () => {
  expect(() => argumentsOf({ extraArgs: ["--cache-resue", "256"] }, { flags: today })).toThrow(
    "the installed llama.cpp does not know --cache-resue (did you mean --cache-reuse?)",
  );
  expect(argumentsOf({ extraArgs: ["--cache_reuse=256"] }, { flags: today })).toMatch(/ --cache_reuse=256$/);
  expect(argumentsOf({ extraArgs: ["-ub", "-1", "--cache-reuse", "256"] }, { flags: today })).toMatch(/ -ub -1 --cache-reuse 256$/);
});

test("each sequence is to have what was asked for, rounded up as llama.cpp does", () => {
  const traits = llamaCpp({ model: "/m.gguf", contextLimit: 4_000 }).claims?.({ configFiles: {} }).traits;
  expect(traits).toEqual([{ what: "context limit", from: { kind: "fact", name: "context limit" }, wanted: "4096 tokens" }]);
});

test("its caches are emptied sequence by sequence, and nothing is kept beside them then", () => {
  expect(llamaCpp({ model: "/m.gguf", parallel: 2 }).resets).toEqual({
    paths: ["/slots/0?action=erase", "/slots/1?action=erase"],
    env: { LLAMA_ARG_CACHE_RAM: "0" },
  });
});
