import { assert, constantFrom, dictionary, property, string } from "fast-check";
import { expect, test } from "vitest";

import { containerEnvironment, engineEnvironment, masked } from "./environment.ts";

const noGpus = { gpus: [] };

test("an engine sees our environment without the settings of other engines, and with its own", () => {
  const own = { PATH: "/bin", LMCACHE_CONFIG_FILE: "a.yaml", VLLM_USE_V1: "1", REDIS_URL: "r", TANDEM_RUN: "x", NODE_OPTIONS: "--inspect" };
  const { env, added, removed } = engineEnvironment(own, { LMCACHE_CONFIG_FILE: "b.yaml" }, { gpus: ["1"] });
  expect(env).toEqual({
    PATH: "/bin",
    PYTHONHASHSEED: "0",
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    CUDA_VISIBLE_DEVICES: "1",
    LMCACHE_CONFIG_FILE: "b.yaml",
  });
  expect(added).toEqual({ PYTHONHASHSEED: "0", CUDA_DEVICE_ORDER: "PCI_BUS_ID", CUDA_VISIBLE_DEVICES: "1", LMCACHE_CONFIG_FILE: "b.yaml" });
  expect(removed).toEqual(["VLLM_USE_V1", "REDIS_URL", "TANDEM_RUN", "NODE_OPTIONS"]);
});

test("settings of SGLang and llama.cpp do not reach in either; who does not want to be counted is not, in containers too", () => {
  const optsOut = { DO_NOT_TRACK: "1", VLLM_NO_USAGE_STATS: "1", LMCACHE_TRACK_USAGE: "false" };
  const own = { ...optsOut, SGLANG_ENABLE_X: "1", LLAMA_ARG_N_PARALLEL: "8", LLAMA_CACHE: "/models" };
  const { env, removed } = engineEnvironment(own, {}, noGpus);
  expect(env).toEqual({ ...optsOut, LLAMA_CACHE: "/models", PYTHONHASHSEED: "0" });
  expect(removed).toEqual(["SGLANG_ENABLE_X", "LLAMA_ARG_N_PARALLEL"]);
  expect(containerEnvironment(own, {})).toEqual({ ...optsOut, PYTHONHASHSEED: "0" });
});

test("an engine without a GPU of ours is told nothing about GPUs", () => {
  expect(engineEnvironment({ PATH: "/bin" }, {}, noGpus).env).toEqual({ PATH: "/bin", PYTHONHASHSEED: "0" });
});

test("with temporary files of its own, what PyTorch compiled before stays where it was", () => {
  const added = (own: NodeJS.ProcessEnv, declared: Readonly<Record<string, string>>, temporary = "/tmp/td-4fA0b1") =>
    engineEnvironment(own, declared, { ...noGpus, temporary }).added["TORCHINDUCTOR_CACHE_DIR"];
  const kept = { TMPDIR: "/tmp/td-4fA0b1" };
  expect(added({ USER: "a:b" }, kept)).toBe("/tmp/torchinductor_a_b");
  expect(added({ USER: "ab", TMPDIR: "/t" }, kept)).toBe("/t/torchinductor_ab");
  expect(added({ USER: "ab", TMPDIR: "" }, kept)).toBe("/tmp/torchinductor_ab");
  expect(added({ TORCHINDUCTOR_CACHE_DIR: "/nvme" }, kept)).toBeUndefined();
  expect(added({ USER: "ab" }, { TMPDIR: "/elsewhere" })).toBeUndefined();
});

test("what is the same as ours anyway is not told as added", () => {
  expect(engineEnvironment({ PYTHONHASHSEED: "0", HF_HOME: "/hub" }, { HF_HOME: "/hub" }, noGpus).added).toEqual({});
});

test("ours, less what was removed, plus what was added, is what the engine sees", () => {
  const name = constantFrom("PATH", "LMCACHE_A", "VLLM_B", "REDIS_C", "PROMETHEUS_MULTIPROC_DIR", "HOME", "PYTHONHASHSEED");
  const variables = dictionary(name, string({ maxLength: 3 }));
  assert(
    property(variables, variables, (own, declared) => {
      const { env, added, removed } = engineEnvironment(own, declared, noGpus);
      const kept = Object.fromEntries(Object.entries(own).filter(([variable]) => !removed.includes(variable)));
      expect({ ...kept, ...added }).toEqual(env);
      expect(env).toMatchObject(declared);
    }),
  );
});

test("what may be shown has no token, key or password in it", () => {
  const env = {
    HF_TOKEN: "hf_1",
    OPENAI_API_KEY: "sk-1",
    REDIS_PASSWORD: "p",
    CLIENT_SECRET: "s",
    AWS_SECRET_ACCESS_KEY: "a",
    LMCACHE_REMOTE_URL: "redis://me:hunter2@10.0.0.1:6379",
    TOKENIZERS_PARALLELISM: "false",
    VLLM_KEEP: "http://127.0.0.1:8000/v1",
  };
  expect(masked(env)).toEqual({
    HF_TOKEN: "***",
    OPENAI_API_KEY: "***",
    REDIS_PASSWORD: "***",
    CLIENT_SECRET: "***",
    AWS_SECRET_ACCESS_KEY: "***",
    LMCACHE_REMOTE_URL: "redis://me:***@10.0.0.1:6379",
    TOKENIZERS_PARALLELISM: "false",
    VLLM_KEEP: "http://127.0.0.1:8000/v1",
  });
});

test("an engine in a virtual environment finds the programs beside it first", () => {
  const { env, added } = engineEnvironment({ PATH: "/usr/bin" }, { VIRTUAL_ENV: "/venv" }, { gpus: [] });
  expect(env["PATH"]).toBe("/venv/bin:/usr/bin");
  expect(added).toEqual({ PYTHONHASHSEED: "0", PATH: "/venv/bin:/usr/bin", VIRTUAL_ENV: "/venv" });
});
