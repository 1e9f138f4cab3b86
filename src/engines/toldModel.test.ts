import { expect, test } from "vitest";

import { toldModel } from "./toldModel.ts";

const told = (asked: string, found: string) => toldModel(asked, found, (path) => path);

const llama = "meta-llama/Llama-3.1-8B";

test("another model is told as it is named", () => {
  expect(told(llama, "meta-llama/Llama-3.2-1B")).toBe("meta-llama/Llama-3.2-1B");
  expect(told("/models/large", "/models/small")).toBe("/models/small");
  expect(told("/models/large", llama)).toBe(llama);
  const other = "/hub/models--Qwen--Qwen3-8B/snapshots/0e9e39f2";
  expect(told(llama, other)).toBe(other);
});

test("the same model under another name is the same", () => {
  expect(told(llama, "Meta-Llama/llama-3.1-8b")).toBe(llama);
  expect(told("/models/tiny", "/models/tiny/")).toBe("/models/tiny");
  expect(told("./models/tiny", "models/tiny")).toBe("./models/tiny");
  expect(told(llama, "/hub/models--meta-llama--Llama-3.1-8B/snapshots/0e9e39f2")).toBe(llama);
  expect(told(llama, "/cache/modelscope/hub/models/meta-llama/Llama-3.1-8B")).toBe(llama);
  expect(told("unsloth/Qwen3-GGUF:Q4_K_M", "unsloth/Qwen3-GGUF")).toBe("unsloth/Qwen3-GGUF:Q4_K_M");
});

test("a link and where it leads are the same", () => {
  const realPath = (path: string) => path.replace("/models/current", "/models/llama-8b");
  expect(toldModel("/models/current", "/models/llama-8b", realPath)).toBe("/models/current");
  expect(toldModel("/models/llama-8b", "/models/current", realPath)).toBe("/models/llama-8b");
  expect(toldModel("/models/current", "/models/llama-1b", realPath)).toBe("/models/llama-1b");
});

test("of copies and of what was fetched nothing is known", () => {
  expect(told("/nfs/llama", "/scratch/llama")).toBeUndefined();
  expect(told("s3://bucket/llama", "/tmp/tmp8f3k")).toBeUndefined();
  expect(told(llama, "/cache/modelscope/hub/LLM-Research/Meta-Llama-3___1-8B")).toBeUndefined();
  expect(told("/models/link", "/hub/models--a--b/snapshots/0e9e39f2")).toBeUndefined();
});
