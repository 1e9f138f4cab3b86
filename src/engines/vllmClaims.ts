import type { EngineClaims, TraitClaim } from "../model/engine.ts";
import { toldModel } from "./toldModel.ts";
import type { VllmOptions } from "./vllm.ts";
import { vllmBlock } from "./vllmMetrics.ts";

/** What vLLM says of itself in its log and on its metrics page once it is up, beside what it was asked for. */
export function vllmClaims(options: VllmOptions): EngineClaims {
  const { model, tensorParallel = 1, gpuMemoryUtilization, maxModelLen, maxNumSeqs, dtype, enforceEager, env = {} } = options;
  const caching = prefixCaching(options);
  return {
    traits: [
      // With a draft model it may be another one's: vLLM takes both from what a speculator says of itself.
      {
        ...inConfig("model", "with config: model='([^']*)', speculative_config=None"),
        read: (found, realPath) => toldModel(model, found, realPath),
        wanted: model,
      },
      { what: "context limit", from: { kind: "fact", name: "context limit" }, ...wantedIf(maxModelLen, (limit) => `${limit} tokens`) },
      { ...inConfig("dtype", "\\bdtype=torch\\.(\\w+)"), ...wantedIf(namedType(dtype), String) },
      { ...inConfig("quantization", "\\bquantization=(\\w+)") },
      { ...inConfig("tensor parallel", "tensor_parallel_size=(\\d+)"), wanted: String(tensorParallel) },
      { ...inConfig("prefix caching", "enable_prefix_caching=(True|False)"), read: onOrOff, ...wantedIf(caching, switched) },
      {
        ...inConfig("chunked prefill", "enable_chunked_prefill=(True|False)"),
        read: onOrOff,
        ...wantedIf(options.chunkedPrefill, switched),
      },
      { ...inConfig("CUDA graphs", "enforce_eager=(True|False)"), read: offOrOn, ...wantedIf(enforceEager, (eager) => switched(!eager)) },
      {
        ...inConfig("KV pool", "KV cache size: ([\\d,]+) tokens"),
        read: (tokens) => `${tokens} tokens`,
        asked: [tensorParallel, gpuMemoryUtilization, maxModelLen, maxNumSeqs, env["VLLM_CPU_KVCACHE_SPACE"]].join(" "),
      },
      {
        what: "KV block",
        from: { kind: "metric", ...vllmBlock },
        read: (tokens) => `${tokens} tokens`,
      },
      inConfig("attention backend", "Using (\\w+) attention backend"),
      {
        ...inConfig("cores", "core ids=\\[([^\\]]*)\\]"),
        read: cores,
        ...(env["VLLM_CPU_OMP_THREADS_BIND"] === undefined ? {} : { asked: env["VLLM_CPU_OMP_THREADS_BIND"] }),
      },
      {
        ...inConfig("Torch threads", "(?:Reducing Torch threads from \\d+ to|leaving Torch threads at) (\\d+)"),
        ...(env["OMP_NUM_THREADS"] === undefined ? {} : { asked: env["OMP_NUM_THREADS"] }),
      },
    ],
    ...(connectsByHand(options) ? {} : { reuse: { own: caching ?? true, external: false } }),
  };
}

function inConfig(what: string, pattern: string): TraitClaim {
  return { what, from: { kind: "log", pattern: new RegExp(pattern) } };
}

function wantedIf<Value>(value: Value | undefined, text: (value: Value) => string): { wanted?: string } {
  return value === undefined ? {} : { wanted: text(value) };
}

function switched(on: boolean): string {
  return on ? "on" : "off";
}

function onOrOff(text: string): string {
  return text === "True" ? "on" : "off";
}

function offOrOn(text: string): string {
  return text === "True" ? "off" : "on";
}

/** "0, 1" of one worker, or several lists of several. */
function cores(list: string): string {
  const count = list.split(",").filter((id) => id.trim() !== "").length;
  return `${count} ${count === 1 ? "core" : "cores"}`;
}

/** vLLM knows types by more than one name; "auto" leaves it to the model. */
function namedType(dtype: string | undefined): string | undefined {
  const names: Readonly<Record<string, string>> = { half: "float16", float: "float32" };
  return dtype === undefined || dtype === "auto" ? undefined : (names[dtype] ?? dtype);
}

/** The last of two flags wins, and further arguments come last. */
function prefixCaching({ prefixCaching: asked, extraArgs = [] }: VllmOptions): boolean | undefined {
  const flag = extraArgs.findLast((argument) => /^--(no-)?enable-prefix-caching$/.test(argument));
  return flag === undefined ? asked : !flag.startsWith("--no-");
}

/** A cache that was connected without telling us is one we know nothing of. */
export function connectsByHand({ extraArgs = [] }: VllmOptions): boolean {
  return extraArgs.some((argument) => /^--kv-(transfer|offloading)/.test(argument));
}
