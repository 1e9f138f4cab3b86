import { userInfo } from "node:os";

import { temporaryFolder } from "../host/temporaryDirectory.ts";
import type { Slot } from "../model/engine.ts";
import { hasSecretName, masks, mask } from "./secrets.ts";

export interface EngineEnvironment {
  /** The whole of it, secrets included: only for the process itself. */
  readonly env: Readonly<Record<string, string>>;
  /** What differs from ours, secrets included: `masked` before anybody reads it. */
  readonly added: Readonly<Record<string, string>>;
  /** Names of ours that the engine does not see. */
  readonly removed: readonly string[];
}

/** Ours but for what would reach into an engine unasked, and what the engine declares. */
export function engineEnvironment(
  own: NodeJS.ProcessEnv,
  declared: Readonly<Record<string, string>>,
  slot: Pick<Slot, "gpus" | "temporary">,
): EngineEnvironment {
  const inherited = Object.entries(own).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const wanted = {
    ...sameEverywhere,
    ...gpuVariables(slot),
    ...compiledBefore(own, declared, slot),
    ...activated(own, declared),
    ...declared,
  };
  const kept = Object.fromEntries(inherited.filter(([name]) => !isOurAffair(name)));
  return {
    env: { ...kept, ...wanted },
    added: Object.fromEntries(Object.entries(wanted).filter(([name, value]) => kept[name] !== value)),
    removed: inherited.map(([name]) => name).filter((name) => isOurAffair(name) && !(name in wanted)),
  };
}

/** An engine in a virtual environment finds its other programs there first, as after its activation: compilers of kernels look for ninja. */
function activated({ PATH: path }: NodeJS.ProcessEnv, { VIRTUAL_ENV: folder }: Readonly<Record<string, string>>): Record<string, string> {
  return folder === undefined ? {} : { PATH: [`${folder}/bin`, ...(path === undefined ? [] : [path])].join(":") };
}

/** What a container is told: it sees nothing of ours but what loading a model may need, and its GPUs are the only ones there are inside. */
export function containerEnvironment(own: NodeJS.ProcessEnv, declared: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const handedOn = Object.entries(own).filter((entry): entry is [string, string] => entry[1] !== undefined && isForLoading(entry[0]));
  return { ...Object.fromEntries(handedOn), ...sameEverywhere, ...declared };
}

function isForLoading(name: string): boolean {
  if (optsOut.has(name)) return true;
  return /^(?:HF_TOKEN|HF_ENDPOINT|HF_HUB_OFFLINE|TRANSFORMERS_OFFLINE|(?:https?|no)_proxy)$/i.test(name);
}

/** An environment that may be shown: secrets replaced, the rest as it is. */
export function masked(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, hasSecretName(name) ? mask : masks(value)]));
}

// Hashes of token blocks are seeds of cache keys: unseeded, two processes never find each other's entries.
const sameEverywhere = { PYTHONHASHSEED: "0" };

/** What PyTorch has compiled in earlier runs lies among the temporary files, too: it stays where it was, so that no boot compiles it again. */
function compiledBefore(
  own: NodeJS.ProcessEnv,
  declared: Readonly<Record<string, string>>,
  { temporary }: Pick<Slot, "temporary">,
): Record<string, string> {
  if (temporary === undefined || declared["TMPDIR"] !== temporary || own["TORCHINDUCTOR_CACHE_DIR"] !== undefined) return {};
  const user = own["LOGNAME"] ?? own["USER"] ?? own["LNAME"] ?? own["USERNAME"] ?? nameOfUser();
  return { TORCHINDUCTOR_CACHE_DIR: `${temporaryFolder(own)}/torchinductor_${user.replaceAll(/[\\/:*?"<>|]/g, "_")}` };
}

/** As PyTorch calls one without a name. */
function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid_${process.getuid?.()}`;
  }
}

/** Ids count as nvidia-smi counts, whatever CUDA itself would call the first GPU. */
function gpuVariables({ gpus }: Pick<Slot, "gpus">): Record<string, string> {
  return gpus.length === 0 ? {} : { CUDA_DEVICE_ORDER: "PCI_BUS_ID", CUDA_VISIBLE_DEVICES: gpus.join(",") };
}

/** Whoever does not want to be counted is not, whatever is started for them. */
const optsOut: ReadonlySet<string> = new Set([
  "DO_NOT_TRACK",
  "VLLM_DO_NOT_TRACK",
  "VLLM_NO_USAGE_STATS",
  "LMCACHE_TRACK_USAGE",
  "HF_HUB_DISABLE_TELEMETRY",
]);

/** Settings of one engine must come from its description; those of the harness's own runtime are none of its business. */
function isOurAffair(name: string): boolean {
  if (optsOut.has(name)) return false;
  return /^(?:LMCACHE|VLLM|SGLANG|LLAMA_ARG|REDIS|TANDEM)_/.test(name) || name === "PROMETHEUS_MULTIPROC_DIR" || name === "NODE_OPTIONS";
}
