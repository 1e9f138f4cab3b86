import { attached } from "./attached.ts";
import { command } from "./command.ts";
import { describeEngine } from "./describeEngine.ts";
import { withLmcache } from "./lmcache.ts";
import { withOffloading } from "./offloading.ts";
import { llamaCpp } from "./llamaCpp.ts";
import { sglang } from "./sglang.ts";
import { simulated } from "./simulated.ts";
import { tensorrtLlm } from "./tensorrtLlm.ts";
import { tgi } from "./tgi.ts";
import { transformersServe } from "./transformersServe.ts";
import { vllm } from "./vllm.ts";

const mistral = "mistralai/Mistral-7B-Instruct-v0.2";
const world = { configFiles: { "lmcache.yaml": { chunk_size: 256, local_device: "cpu" } } };

describeEngine(() => simulated({ cpuCacheGigabytes: 5 }));
describeEngine(() => attached({ url: "https://gateway.example/models/v1/", apiKey: "secret" }));
describeEngine(() => vllm({ model: mistral, gpuMemoryUtilization: 0.8, prefixCaching: false }));
describeEngine(() => vllm({ model: mistral, image: "vllm/vllm-openai:v0.24.0", container: { sharedMemoryGib: 8 } }));
describeEngine(() => withLmcache(vllm({ model: mistral }), { config: "lmcache.yaml" }), world);
describeEngine(() => withLmcache(vllm({ model: mistral }), { config: { cpuGigabytes: 30 } }));
describeEngine(() =>
  withLmcache(vllm({ model: mistral }), { mode: "server", config: { diskPath: "/kv", remoteUrl: "redis://localhost:6379" } }),
);
describeEngine(() => withLmcache(vllm({ model: mistral }), { config: { remoteUrl: "redis-sentinel://localhost:26379" } }));
describeEngine(() => withOffloading(vllm({ model: mistral }), { gigabytes: 30 }));
describeEngine(() => withOffloading(vllm({ model: mistral }), { gigabytes: 30, backend: "lmcache" }));

describeEngine(() => command({ program: "my-server", args: ["--port", "{port}"], model: mistral, env: { CACHE: "{directory}" } }));
describeEngine(() => sglang({ model: mistral, hiCache: { ratio: 2 }, memFractionStatic: 0.8 }));
describeEngine(() => sglang({ model: mistral, lmcache: { cpuGigabytes: 30 } }));
describeEngine(() => sglang({ model: mistral, lmcache: { mode: "in-process", cpuGigabytes: 30 } }));
describeEngine(() => sglang({ model: mistral, lmcache: { diskPath: "/kv", remoteUrl: "redis://localhost:6379" } }));
describeEngine(() => llamaCpp({ model: "ggml-org/gemma-3-1b-it-GGUF", contextLimit: 4_096 }));
describeEngine(() => transformersServe({ model: mistral, device: "cpu" }));
describeEngine(() => tgi({ model: mistral, image: "ghcr.io/huggingface/text-generation-inference:3.3.5" }));
describeEngine(() => tensorrtLlm({ model: mistral, kvCacheFraction: 0.8 }));
