import { writeFileSync } from "node:fs";

import { expect, test } from "vitest";

import { bench } from "./fixture.ts";
import { knownCause } from "./knownCause.ts";
import { lastLines, lastLinesOfBoth } from "./lastLines.ts";

test("the last lines are without colours, and of a progress bar only its last state is left", () => {
  using at = bench();
  writeFileSync(at.file("log"), "first\n\x1b[31mERROR\x1b[0m no\n\n10%\r50%\r100%\r\nlast");
  expect(lastLines(at.file("log"), 3)).toEqual(["ERROR no", "100%", "last"]);
});

test("lines of an earlier start are not shown", () => {
  using at = bench();
  writeFileSync(at.file("log"), "earlier\nnow\n");
  expect(lastLines(at.file("log"), 5, "earlier\n".length)).toEqual(["now"]);
});

test("of a large log only the end is read, and a line without end is cut", () => {
  using at = bench();
  writeFileSync(at.file("log"), `${"x".repeat(1_000_000)}\n${"y".repeat(1_000)}\nend\n`);
  expect(lastLines(at.file("log"), 2)).toEqual([`${"y".repeat(400)} …`, "end"]);
});

test("a log that is not there has no lines", () => {
  expect(lastLines("/nowhere/log", 5)).toEqual([]);
});

test("two logs share the space, and one takes what the other leaves", () => {
  const ten = (name: string) => Array.from({ length: 10 }, (_, index) => `${name}${index}`);
  expect(lastLinesOfBoth(ten("o"), ten("e"), 4)).toEqual(["o8", "o9", "e8", "e9"]);
  expect(lastLinesOfBoth(["o"], ten("e"), 4)).toEqual(["o", "e7", "e8", "e9"]);
  expect(lastLinesOfBoth(ten("o"), [], 4)).toEqual(["o6", "o7", "o8", "o9"]);
});

test.each([
  ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "too little free memory"],
  [
    "ValueError: Free memory on device cuda:0 (9/80 GiB) on startup is less than desired GPU memory utilization (0.9, 72 GiB)",
    "too little free memory",
  ],
  ["OSError: [Errno 98] Address already in use", "its port was taken"],
  ["ModuleNotFoundError: No module named 'lmcache'", "lacks a package"],
  ["Access to model meta-llama/Llama-3.1-8B-Instruct is restricted. 401 Client Error.", "HF_TOKEN"],
  ["OSError: [Errno 28] No space left on device", "the disk is full"],
  ["vllm: error: unrecognized arguments: --no-such-flag", "does not know one of the flags"],
  ["RuntimeError: Failed to infer device type", "no usable GPU"],
  ["ConnectionError: LMCache server did not respond to register_kv_caches within 10.0s. Is the server running?", 'transferMode: "auto"'],
  [
    "RuntimeError: Worker failed with error 'PREPARE_STORE timed out for instance_id=3469351435232433006 after 10.0s', please check the stack trace above",
    "back before the engine had noticed",
  ],
  ["RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}", "somebody killed it"],
  ["RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': -9}", "somebody killed it"],
  ["ERROR Worker proc VllmWorker-0 died unexpectedly (exit code: None), shutting down executor.", "somebody killed it"],
  ["WARNING [shutdown] MPClient: engine core exited unexpectedly; starting cleanup", "somebody killed it"],
  [
    "WARNING [cuda.py:45] Failed to import from vllm._qutlass_C: ModuleNotFoundError(\"No module named 'vllm._qutlass_C'\")\n(APIServer pid=1) RuntimeError: Failed core proc(s): {}",
    "somebody killed it",
  ],
])("%s: the cause is known", (line, advice) => {
  expect(knownCause(["INFO starting", line, "Engine core initialization failed."])).toContain(advice);
});

test("a log that says nothing known has no known cause", () => {
  expect(knownCause(["INFO Application startup complete."])).toBeUndefined();
  expect(knownCause(["See root cause above. Failed core proc(s): {'EngineCore': 1}"])).toBeUndefined();
  expect(knownCause(["ERROR [core.py:1231] EngineCore failed to start.", "See root cause above. Failed core proc(s): {}"])).toBeUndefined();
  expect(knownCause(["EngineCore encountered a fatal error.", "engine core exited unexpectedly; starting cleanup"])).toBeUndefined();
});
