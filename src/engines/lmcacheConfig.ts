import { notNegative, wholeNumber, yesOrNo, type OptionRule } from "../model/checkOptions.ts";
import { HarnessError } from "../model/harnessError.ts";
import { nearest } from "../model/nearest.ts";
import type { CacheReuse } from "../model/proof.ts";
import { keysOf, lmcacheKeys, oldKeys, renamedKeys } from "./lmcacheKeys.ts";
import { isBelow } from "./refuseOtherEra.ts";

/** An LMCache configuration as the installed version takes it, today's where that is not known, and what was changed to get there. */
export interface LmcacheConfig {
  readonly settings: Readonly<Record<string, unknown>>;
  /** One phrase for each key of an older LMCache that was read as another. */
  readonly translations: readonly string[];
  /** Keys of `settings` that nobody said: an older LMCache had a default there. */
  readonly assumed?: readonly string[];
  /** What its file says where that is not `settings`: an LMCache 0.1 reads it. */
  readonly written?: Readonly<Record<string, unknown>>;
}

/** As `local_disk`: a directory in the engine's own, known once it has one. */
export const ownDisk = "file://the-engine's-own-directory";

type Settings = Readonly<Record<string, unknown>>;

/** What a configuration file says, with keys of versions older than the installed one translated. All its mistakes are told at once. */
export function parseLmcacheConfig(name: string, content: unknown, installed?: string): LmcacheConfig {
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new HarnessError("usage", `${name} is not an LMCache configuration`, { hint: "it has one key a line: chunk_size: 256" });
  }
  const given: Settings = { ...content };
  const mistakes = [...unknownKeys(given, installed), ...wrongValues(given), ...untranslatable(given), ...saidTwice(given)];
  if (mistakes.length > 0) {
    throw new HarnessError("usage", `${name}: ${mistakes.join("; ")}`, {
      hint: "LMCache itself would only warn, and run with its defaults instead",
    });
  }
  return translated(given, installed);
}

/** Today's defaults where the configuration is silent. */
export function cpuTier({ settings }: LmcacheConfig): { readonly gigabytes: number; readonly chunkTokens: number } | undefined {
  const { local_cpu: isOn = true, max_local_cpu_size: gigabytes = 5, chunk_size: chunkTokens = 256 } = settings;
  return isOn === true ? { gigabytes: Number(gigabytes), chunkTokens: Number(chunkTokens) } : undefined;
}

/** What is kept where, one phrase each. */
export function tiers(config: LmcacheConfig): readonly string[] {
  const { local_disk: disk, max_local_disk_size: size, remote_url: remote, remote_serde: serde } = config.settings;
  const cpu = cpuTier(config);
  return [
    ...(cpu === undefined ? [] : [`KV cache in CPU memory, ${cpu.gigabytes} GiB`]),
    ...(typeof disk === "string" ? [`KV cache on disk${typeof size === "number" ? `, ${size} GiB` : ""}`] : []),
    ...(typeof remote === "string" ? [`KV cache at ${withoutUser(remote)}${serde === "cachegen" ? ", compressed" : ""}`] : []),
  ];
}

/** Where in the engine's process all of it is kept, where that is one place: what LMCache counts of its hits does not say where they were. */
export function onlyTier(config: LmcacheConfig): CacheReuse["onlyTier"] {
  const { settings } = config;
  if (Object.keys(settings).some((key) => furtherPlace.test(key) && isSaid(settings[key]))) return undefined;
  const below = ["local_disk", "remote_url"].filter((key) => isSaid(settings[key]));
  if (cpuTier(config) !== undefined) return below.length === 0 ? "memory" : undefined;
  return below.length === 1 ? "lower" : undefined;
}

/** Keys by which it keeps or finds KV cache elsewhere too, or may. */
const furtherPlace =
  /^(?:enable_(?:p2p|pd|xpyd)|gds_path|maru_path|(?:remote_)?storage_plugins|external_backends|remote_config_url|extra_config)$/;

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false;
}

/** As a file that LMCache reads: a key a line, values in JSON, which is YAML. */
export function lmcacheYaml({ settings }: LmcacheConfig): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join("");
}

function withoutUser(url: string): string {
  return url.replace(/\/\/[^/\s]*@/, "//");
}

function unknownKeys(given: Settings, installed: string | undefined): readonly string[] {
  const renamed = Object.entries(renamedKeys).flatMap(([old, today]) => (isKnown(today, installed) ? [old] : []));
  const known = [...keysOf(installed), ...oldKeys, ...renamed];
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const before = Object.keys(renamedKeys).find((old) => renamedKeys[old] === key && known.includes(old));
      const meant = before ?? nearest(key, known);
      const who = installed === undefined ? "LMCache" : `LMCache ${installed}`;
      return `${who} has no key ${key}${ofOtherEra(key, installed)}${meant === undefined ? "" : `, did you mean ${meant}?`}`;
    });
}

function ofOtherEra(key: string, installed: string | undefined): string {
  const era = lmcacheKeys.get(key);
  if (era === undefined) return "";
  return isBelow(installed, era.since) ? `, it came with ${era.since}` : `, it is gone since ${era.until}`;
}

function isKnown(key: string, installed: string | undefined): boolean {
  return keysOf(installed).includes(key);
}

// Only of what we read ourselves: the rest is LMCache's to judge.
const rules: Readonly<Record<string, OptionRule>> = {
  chunk_size: wholeNumber({ from: 1 }),
  local_cpu: yesOrNo,
  max_local_cpu_size: notNegative,
  max_local_cache_size: notNegative,
  max_local_disk_size: notNegative,
  pipelined_backend: yesOrNo,
};

function wrongValues(given: Settings): readonly string[] {
  return Object.entries(rules).flatMap(([key, rule]) => {
    const mistake = given[key] === undefined || given[key] === null ? undefined : rule(given[key]);
    return mistake === undefined ? [] : [`${key} ${mistake}, not ${JSON.stringify(given[key])}`];
  });
}

function untranslatable(given: Settings): readonly string[] {
  const { local_device: device } = given;
  if (device === undefined) return [];
  const both = ["local_cpu", "local_disk"].filter((key) => given[key] !== undefined);
  if (both.length > 0) return [`local_device is LMCache 0.1, ${both.join(" and ")} is today's: keep one of them`];
  if (device === "cuda") return ["local_device: cuda is no longer there: vllm({ prefixCaching: true }) keeps KV cache in GPU memory"];
  return device === null || device === "cpu" || isDisk(device)
    ? []
    : [`local_device is cpu, null or file://DIRECTORY, not ${JSON.stringify(device)}`];
}

function saidTwice(given: Settings): readonly string[] {
  const both = Object.entries(renamedKeys).filter(([old, today]) => given[old] !== undefined && given[today] !== undefined);
  return both.map(([old, today]) => `${old} is what ${today} was called before: keep one of them`);
}

function translated(given: Settings, installed: string | undefined): LmcacheConfig {
  const { local_device: _device, max_local_cache_size: _size, pipelined_backend: isPipelined, ...others } = given;
  const { remote_serde: serde } = others;
  const renamed = Object.entries(renamedKeys).filter(([old, today]) => others[old] !== undefined && isKnown(today, installed));
  const kept = Object.fromEntries(Object.entries(others).filter(([key]) => renamed.every(([old]) => key !== old)));
  const changes: readonly Change[] = [
    ...placeChanges(given),
    ...(isOldSerde(serde) ? [{ from: `remote_serde: ${serde}`, to: { remote_serde: "naive" } }] : []),
    ...(isPipelined === true ? [{ from: "pipelined_backend: true", to: pipelined(installed) }] : []),
    ...renamed.map(([old, today]) => ({ from: shown({ [old]: others[old] }), of: "an older LMCache", to: { [today]: others[old] } })),
  ];
  return {
    settings: Object.fromEntries([kept, ...changes.map(({ to }) => to)].flatMap((settings) => Object.entries(settings))),
    assumed: isDisk(given["local_device"]) && given["max_local_cache_size"] === undefined ? ["max_local_disk_size"] : [],
    translations: changes.map(({ from, to, of = "LMCache 0.1" }) => `${from} of ${of} ${readAs(to, installed)}`),
  };
}

/** The nearest there is, where it is: both overlap loading with computing. */
function pipelined(installed: string | undefined): Settings {
  return isKnown("enable_async_loading", installed) ? { enable_async_loading: true } : {};
}

function readAs(to: Settings, installed: string | undefined): string {
  return Object.keys(to).length === 0 ? `left out: LMCache ${installed} has nothing like it` : `read as ${shown(to)}`;
}

interface Change {
  readonly from: string;
  /** "LMCache 0.1" unless said. */
  readonly of?: string;
  readonly to: Settings;
}

function isOld(given: Settings): boolean {
  return oldKeys.some((key) => key in given) || isOldSerde(given["remote_serde"]);
}

function isOldSerde(serde: unknown): serde is "torch" | "safetensor" {
  return serde === "torch" || serde === "safetensor";
}

/** LMCache 0.1 had one local place or none; today's has CPU memory unless it is switched off, and a disk of size 0. */
function placeChanges(given: Settings): readonly Change[] {
  if (!isOld(given)) return [];
  const { local_device: device, max_local_cache_size: size } = given;
  const sized = size === undefined ? {} : { max_local_cpu_size: size };
  if (device === "cpu") return [{ from: "local_device: cpu", to: { local_cpu: true, ...sized } }];
  if (isDisk(device)) {
    return [
      { from: `local_device: ${device}`, to: { local_cpu: false, local_disk: device, max_local_disk_size: size ?? defaultGigabytes } },
    ];
  }
  const saysToday = "local_cpu" in given || "local_disk" in given;
  if (saysToday) return size === undefined ? [] : [{ from: "max_local_cache_size", to: sized }];
  return [{ from: device === null ? "local_device: null" : "no local_device", to: { local_cpu: false } }];
}

function isDisk(device: unknown): device is string {
  return typeof device === "string" && device.startsWith("file://");
}

const defaultGigabytes = 5;

function shown(settings: Settings): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}: ${String(value)}`)
    .join(", ");
}
