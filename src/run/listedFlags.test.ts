import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { listedFlags } from "./listedFlags.ts";

const recorded = recordedOf("vllm-0.32");
const llamaCpp = recordedOf("llamaCpp-0.5.0");

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

test("of SGLang, LMCache's server, transformers, TGI and TensorRT-LLM every flag is listed by all of its names, and no other", () => {
  expect(listedFlags(recordedOf("sglang-0.5.23"))).toEqual(
    words(`-h --help --model-path --model --load-format --trust-remote-code --context-length --dtype --enable-tf32-matmul
      --no-enable-tf32-matmul --mem-fraction-static --max-running-requests --max-queued-requests --chunked-prefill-size
      --disable-radix-cache --tp-size --tensor-parallel-size --host --port --served-model-name --enable-cache-report --enable-metrics
      --enable-hierarchical-cache --enable-hicache --hicache-size --hicache-storage-backend --lora-paths
      --speculative-draft-window-size --enable-lmcache --disable-cuda-graph`),
  );
  expect(listedFlags(recordedOf("lmcache-0.5.6"))).toEqual(
    words(`-h --help --format --output -q --quiet --transport --host --port --chunk-size --max-workers --supported-transfer-mode
      --isolated-ipc --no-isolated-ipc --runtime-plugin-locations --enable-dedup-content --l1-size-gb --l1-use-lazy --no-l1-use-lazy
      --eviction-policy --l2-store-policy --l2-adapter --http-host --http-port --metrics-sample-rate`),
  );
  expect(listedFlags(recordedOf("transformers-5.19"))).toEqual(
    words(`--continuous-batching --no-continuous-batching --attn-implementation --compile --no-compile --reasoning --device --dtype
      --trust-remote-code --no-trust-remote-code --model-timeout --cb-num-blocks --cb-use-cuda-graph --no-cb-use-cuda-graph --host
      --port -h --help --format --json -q --quiet`),
  );
  expect(listedFlags(recordedOf("tgi-3.3"))).toEqual(
    words(`--model-id --sharded --num-shard --quantize --dtype --trust-remote-code --max-concurrent-requests --max-input-tokens
      --max-input-length --max-total-tokens --max-batch-prefill-tokens --hostname -p --port --cuda-memory-fraction --rope-scaling
      --rope-factor -e --env -h --help`),
  );
  expect(listedFlags(recordedOf("tensorrtLlm-1.2"))).toEqual(
    words(`--tokenizer --custom_tokenizer --host --port --backend --log_level --max_beam_width --max_batch_size --max_num_tokens
      --max_seq_len --tensor_parallel_size --tp_size --pipeline_parallel_size --pp_size --gpus_per_node --free_gpu_memory_fraction
      --kv_cache_free_gpu_memory_fraction --trust_remote_code --config --extra_llm_api_options --enable_chunked_prefill --help`),
  );
});

const inATable = words("--name -n --host --batching --no-batching --a-flag-of-several-words --help");

test("a table that rich draws lists names in columns, also in colours", () => {
  const drawn = recordedOf("rich");
  expect(listedFlags(drawn)).toEqual(inATable);
  const coloured = drawn.replaceAll("│", "\u001B[2m│\u001B[0m").replaceAll("--", "\u001B[1m-\u001B[0m\u001B[1m-");
  expect(listedFlags(coloured)).toEqual(inATable);
});

test("a list in which a name is cut short is none: what it lacks would be taken for unknown", () => {
  expect(listedFlags(recordedOf("rich").replace("several-words  ", "several…        "))).toEqual([]);
});

function recordedOf(name: string): string {
  return readFileSync(new URL(`recorded/${name}-help-excerpt.txt`, import.meta.url), "utf8");
}

function words(text: string): readonly string[] {
  return text.split(/\s+/);
}
