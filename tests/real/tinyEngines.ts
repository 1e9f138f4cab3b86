// The engines of the tests on a CPU. Where they are installed can be said: --set venv=/path/to/venv --set model=/path/to/model
import { homedir } from "node:os";
import { vllm, type Check, type Engine, type EngineSummary, type Params } from "tandem";

/** Nothing of ours calls home, and nothing is downloaded. */
export const quiet = {
  DO_NOT_TRACK: "1",
  LMCACHE_TRACK_USAGE: "false",
  HF_HUB_OFFLINE: "1",
  TRANSFORMERS_OFFLINE: "1",
  VLLM_NO_USAGE_STATS: "1",
};

/** vLLM on one core, without LMCache. float32: a CPU without bfloat16 of its own is slower in that, and answers are then the same cold and warm. */
export function tinyVllm({ set }: Pick<Params, "set">, { prefixCaching = false, bound = true } = {}): Engine {
  const cache = `${homedir()}/.cache/tandem`;
  const { venv = `${cache}/real-engines`, model = `${cache}/tiny` } = set;
  return vllm({
    model,
    servedName: "tiny",
    venv,
    gpus: 0,
    dtype: "float32",
    maxModelLen: 4_096,
    prefixCaching,
    enforceEager: true,
    // In all of them, or they would differ in more than LMCache.
    extraArgs: ["--disable-hybrid-kv-cache-manager"],
    env: { ...quiet, VLLM_CPU_KVCACHE_SPACE: "1", ...(bound ? { VLLM_CPU_OMP_THREADS_BIND: "0" } : {}) },
  });
}

/** That an engine has found as many tokens of its prompts again as one of these workloads makes possible, to the token. */
export function foundExactly({ cachedTokens = 0 }: EngineSummary, possible: readonly number[]): Check {
  return { ok: possible.includes(cachedTokens), observed: cachedTokens, wanted: `exactly ${possible.join(" or ")}` };
}
