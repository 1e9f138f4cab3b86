import { expect, test } from "vitest";
import type { Engine } from "../model/engine.ts";
import { vocabularySize } from "../model/vocabulary.ts";
import { vllm, type VllmOptions } from "./vllm.ts";

const mistral = "mistralai/Mistral-7B-Instruct-v0.2";
const llama = "meta-llama/Llama-3.1-8B-Instruct";
const slot = { port: 8000, gpus: ["0"], directory: "/scratch" };

function commandLine(engine: Engine): string {
  const command = engine.launch.kind === "process" ? engine.launch.command(slot, { configFiles: {} }) : undefined;
  return [command?.program, ...(command?.args ?? [])].join(" ");
}

test("only what is asked for is on the command line", () => {
  expect(commandLine(vllm({ model: mistral }))).toBe(`vllm serve ${mistral} --host 127.0.0.1 --port 8000 --enable-prompt-tokens-details`);
});

test("what only we want is left out where the installed version does not know it", () => {
  const { launch } = vllm({ model: mistral });
  if (launch.kind !== "process") throw new Error("it is started as a process");
  expect(launch.command(slot, { configFiles: {}, program: { flags: ["--host", "--port"] } }).args).toEqual([
    "serve",
    mistral,
    "--host",
    "127.0.0.1",
    "--port",
    "8000",
  ]);
});

test("switches are on, off or left alone", () => {
  const asked: VllmOptions = {
    model: mistral,
    gpuMemoryUtilization: 0.8,
    tensorParallel: 1,
    trustRemoteCode: true,
    prefixCaching: false,
    chunkedPrefill: true,
    maxModelLen: 16_384,
    enforceEager: true,
    extraArgs: ["--block-size", "32"],
  };
  expect(commandLine(vllm(asked))).toBe(
    `vllm serve ${mistral} --host 127.0.0.1 --port 8000 --gpu-memory-utilization 0.8 --tensor-parallel-size 1 --trust-remote-code ` +
      "--no-enable-prefix-caching --enable-chunked-prefill --max-model-len 16384 --enforce-eager --enable-prompt-tokens-details --block-size 32",
  );
});

test("of common models it is known what they usually take, and how to start them is left to the author", () => {
  const models = ["openai/gpt-oss-20b", "google/gemma-3-27b-it", "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", "zai-org/GLM-4.6"];
  expect(models.map((model) => vllm({ model }).usualLimit)).toEqual([131_072, 131_072, 131_072, 202_752]);
  expect(models.filter((model) => vllm({ model }).contextLimit !== undefined)).toEqual([]);
  expect(commandLine(vllm({ model: "openai/gpt-oss-20b" }))).toBe(
    "vllm serve openai/gpt-oss-20b --host 127.0.0.1 --port 8000 --enable-prompt-tokens-details",
  );
});

test("the models of lmcache-tests get its settings, and what the author says comes before them", () => {
  expect(commandLine(vllm({ model: "THUDM/glm-4-9b-chat" }))).toContain(
    "--tensor-parallel-size 2 --trust-remote-code --no-enable-chunked-prefill --max-model-len 32768",
  );
  expect(vllm({ model: "/models/glm-4-9b-chat/" }).gpus).toBe(2);
  expect(commandLine(vllm({ model: llama }))).toContain("--no-enable-chunked-prefill --max-model-len 32768");
  expect(commandLine(vllm({ model: llama, chunkedPrefill: true }))).toContain(" --enable-chunked-prefill");
  expect([mistral, llama, "THUDM/glm-4-9b-chat", "some/other"].map((model) => vllm({ model }).usualLimit)).toEqual([
    32_768,
    32_768,
    32_768,
    undefined,
  ]);
});

test("its sockets and other temporary files go where its slot has a place for them, unless the author names another", () => {
  const envIn = (temporary?: string, env?: Readonly<Record<string, string>>) => {
    const { launch } = vllm({ model: mistral, ...(env === undefined ? {} : { env }) });
    const where = { ...slot, ...(temporary === undefined ? {} : { temporary }) };
    return launch.kind === "process" ? launch.command(where, { configFiles: {} }).env : {};
  };
  expect(envIn("/tmp/td-4fA0b1")).toEqual({ TMPDIR: "/tmp/td-4fA0b1", VLLM_RPC_BASE_PATH: "/tmp/td-4fA0b1" });
  expect(envIn("/tmp/td-4fA0b1", { TMPDIR: "/nvme" })).toEqual({ TMPDIR: "/nvme", VLLM_RPC_BASE_PATH: "/tmp/td-4fA0b1" });
  expect(envIn()).toEqual({});
});

test("requests name the model as it is served", () => {
  expect(vllm({ model: mistral }).wire.model).toBe(mistral);
  expect(vllm({ model: "/models/m", servedName: "m" }).wire.model).toBe("m");
});

test("our token ids are ordinary words of any vocabulary of 4,096 or more", () => {
  expect(vllm({ model: mistral }).wire.tokenIdOffset + vocabularySize).toBeLessThanOrEqual(4_096);
});

test("its stand-in has its model, its GPUs, its caching and its batch, and the rest is said to be left out", () => {
  const more = { maxNumSeqs: 4, dtype: "float32", enforceEager: true, extraArgs: ["--seed=7"] } as const;
  const engine = vllm({ model: mistral, prefixCaching: false, gpuMemoryUtilization: 0.8, tensorParallel: 2, ...more });
  expect(engine.simulation?.("a40", { configFiles: {} })).toEqual({
    model: mistral,
    gpu: "a40",
    tensorParallel: 2,
    gpuMemoryUtilization: 0.8,
    prefixCaching: false,
    chunkedPrefill: true,
    maxSequences: 4,
    timeScale: 1,
  });
  expect(engine.simulatedWithout?.({ configFiles: {} })).toEqual([
    "not simulated: float32",
    "not simulated: no CUDA graphs",
    "not simulated: --seed",
  ]);
});

test("values of further arguments are not in its features: one may be a key", () => {
  const { features } = vllm({ model: mistral, extraArgs: ["--hf-token", "hf-1234567", "--seed=7"] });
  expect(features).toEqual(["--hf-token", "--seed"]);
});

test("a misspelt option is a mistake, with the one that was meant", () => {
  // @ts-expect-error misspelt
  expect(() => vllm({ model: mistral, prefixCacheing: false })).toThrow('did you mean "prefixCaching"?');
  expect(() => vllm({ model: "./mine" })).toThrow("model must be a name or an absolute path");
});
