import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { HarnessError } from "../model/harnessError.ts";
import type { Engine } from "../model/engine.ts";
import { listedFlags } from "../run/listedFlags.ts";
import { withLmcache } from "./lmcache.ts";
import { llamaCpp } from "./llamaCpp.ts";
import { sglang } from "./sglang.ts";
import { tensorrtLlm } from "./tensorrtLlm.ts";
import { tgi } from "./tgi.ts";
import { transformersServe } from "./transformersServe.ts";
import { vllm } from "./vllm.ts";

interface Case {
  readonly name: string;
  readonly make: (extraArgs: readonly string[]) => Engine;
  readonly refused: Readonly<Record<string, string>>;
  /** Its list of flags, as recorded. */
  readonly help: string;
}

const cases: readonly Case[] = [
  {
    name: "vLLM",
    make: (extraArgs) => vllm({ model: "m", dtype: "float32", extraArgs }),
    refused: {
      "--tensor-parallel-size 2": "--tensor-parallel-size: tensorParallel",
      "--tensor_parallel_size=2": "--tensor-parallel-size: tensorParallel",
      "--tensor-par 2": "--tensor-parallel-size: tensorParallel",
      "-tp 2": "-tp: tensorParallel",
      "--gpu-memory-utilization 0.4": "--gpu-memory-utilization: gpuMemoryUtilization",
      "--port 8000": "--port: tandem run -p 8000",
      "--host 0.0.0.0": "--host: nothing: it listens where Tandem looks for it",
      "--model x": "--model: model",
      "--served-model-name x": "--served-model-name: servedName",
      "--api-key sk-1234567": "--api-key: nothing: it listens on this machine alone",
      "--dtype half": "--dtype: dtype, which is given as well",
    },
    help: "vllm-0.32",
  },
  {
    name: "SGLang",
    make: (extraArgs) => sglang({ model: "m", contextLength: 4_096, extraArgs }),
    refused: {
      "--tp 2": "--tp: tensorParallel",
      "--mem-fraction-static=0.4": "--mem-fraction-static: memFractionStatic",
      "--port=1": "--port: tandem run -p 8000",
      "--context-length 9": "--context-length: contextLength, which is given as well",
    },
    help: "sglang-0.5.23",
  },
  {
    name: "llama.cpp",
    make: (extraArgs) => llamaCpp({ model: "/m.gguf", threads: 2, extraArgs }),
    refused: {
      "-c 8192": "-c: contextLimit, of one sequence",
      "--n_gpu_layers 0": "--n-gpu-layers: gpuLayers",
      "--port 1": "--port: tandem run -p 8000",
      "-t 4": "-t: threads, which is given as well",
    },
    help: "llamaCpp-0.5.0",
  },
  {
    name: "TGI",
    make: (extraArgs) => tgi({ model: "m", maxTotalTokens: 4_096, extraArgs }),
    refused: {
      "-p3000": "-p: tandem run -p 8000",
      "--num-shard 2": "--num-shard: shards",
      "--max-total-tokens 9": "--max-total-tokens: maxTotalTokens, which is given as well",
    },
    help: "tgi-3.3",
  },
  {
    name: "TensorRT-LLM",
    make: (extraArgs) => tensorrtLlm({ model: "m", maxSeqLen: 4_096, extraArgs }),
    refused: {
      "--tp_size 2": "--tp_size: tensorParallel",
      "--config /my.yaml": "--config: prefixCaching, chunkedPrefill, kvCacheFraction",
      "--max_seq_len 9": "--max_seq_len: maxSeqLen, which is given as well",
    },
    help: "tensorrtLlm-1.2",
  },
  {
    name: "transformers serve",
    make: (extraArgs) => transformersServe({ model: "m", continuousBatching: true, extraArgs }),
    refused: {
      "--device cpu": "--device: device",
      "--continuous-batching": "--continuous-batching: continuousBatching, which is given as well",
    },
    help: "transformers-5.19",
  },
];

describe.each(cases)("further arguments of $name", ({ make, refused, help }) => {
  test.each(Object.entries(refused))("%s is refused, with what says it instead", (said, instead) => {
    expect(refusal(make, said.split(" ")).hint).toContain(`instead of ${instead}`);
  });

  test("all are told together, and no value of theirs is", () => {
    const { message, hint } = refusal(
      make,
      Object.keys(refused).flatMap((said) => said.split(" ")),
    );
    const flags = new Set(Object.values(refused).map((instead) => instead.replace(/:.*$/s, "")));
    expect(hint?.split("\n")).toHaveLength(flags.size);
    expect([...flags].filter((flag) => !message.includes(flag))).toEqual([]);
    expect(`${message} ${hint}`).not.toContain("sk-1234567");
  });

  test("no other flag is taken for one of them", () => {
    const listed = listedFlags(readFileSync(new URL(`../run/recorded/${help}-help-excerpt.txt`, import.meta.url), "utf8"));
    const wrongly = listed.filter((flag) => {
      const hint = hintFor(make, [flag]);
      return hint !== undefined && !hint.startsWith(`instead of ${flag}:`);
    });
    expect(wrongly).toEqual([]);
  });
});

test("a flag that an option has is taken where the option is not given, and what is said after -- is left alone", () => {
  expect(vllm({ model: "m", extraArgs: ["--dtype", "half", "--max-model-len", "65536", "--", "--port", "1"] }).kind).toBe("vllm");
});

test("mistakes in options and in further arguments are one message", () => {
  // @ts-expect-error misspelt
  expect(() => vllm({ model: "m", dytpe: "half", extraArgs: ["--port", "1"] })).toThrow(/did you mean "dtype"\?; vllm\(\): .*--port/);
});

test("what a model is started with gives way to a flag of the author's", () => {
  const { launch, claims } = vllm({ model: "meta-llama/Llama-3.1-8B-Instruct", extraArgs: ["--max-model-len", "65536"] });
  const args = "command" in launch ? launch.command({ port: 1, gpus: [], directory: "/" }, { configFiles: {} }).args : [];
  expect(args.filter((argument) => argument === "--max-model-len" || argument === "32768")).toEqual(["--max-model-len"]);
  expect(claims?.({ configFiles: {} }).traits.find(({ what }) => what === "context limit")).not.toHaveProperty("wanted");
});

test("beside a KV cache that was connected by hand no other is connected", () => {
  const byHand = vllm({ model: "m", extraArgs: ["--kv-transfer-config", "{}"] });
  expect(() => withLmcache(byHand)).toThrow("withLmcache(): it has a KV cache connected already");
});

function refusal(make: Case["make"], extraArgs: readonly string[]): HarnessError {
  try {
    make(extraArgs);
  } catch (error) {
    if (error instanceof HarnessError) return error;
  }
  throw new Error(`${extraArgs.join(" ")} is not refused`);
}

function hintFor(make: Case["make"], extraArgs: readonly string[]): string | undefined {
  try {
    make(extraArgs);
    return undefined;
  } catch (error) {
    return error instanceof HarnessError ? error.hint : undefined;
  }
}
