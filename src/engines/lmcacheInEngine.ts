import type { CacheRoom, Slot, StaysFull } from "../model/engine.ts";
import type { KeptOutside, Services } from "../model/service.ts";
import { cpuTier, lmcacheYaml, ownDisk, type LmcacheConfig } from "./lmcacheConfig.ts";
import { environmentOf, placeOf, remoteOf, servicesOf, urlAt, type Remote, type RemoteOptions } from "./lmcacheRemote.ts";
import { directoryPlace } from "./services/address.ts";

/** LMCache in an engine's process, whichever engine that is: its configuration is a file of this engine alone. */
export interface InEngine {
  readonly env: (slot: Slot) => Readonly<Record<string, string>>;
  readonly files: (slot: Slot) => Readonly<Record<string, string>>;
  readonly discards: readonly string[];
  /** Directories of its disk. */
  readonly keepsIn: readonly string[];
  /** What it needs beside it; told a program of the engine's installation. */
  readonly services: (programBeside: (name: string) => string) => Services;
  readonly keepsOutside: readonly KeptOutside[];
  readonly staysFull: readonly StaysFull[];
  readonly cacheRoom: readonly CacheRoom[];
  readonly features: readonly string[];
}

const lmPrograms = { "0.1": "python3", v1: "lmcache_server" } as const;

export const fileName = "lmcache.yaml";
/** Of a disk of its own, in the engine's directory. */
const diskName = "kv";

export function inEngine(config: LmcacheConfig, options: RemoteOptions): InEngine {
  const { shared } = options;
  const remote = remoteOf(config.settings["remote_url"], options);
  const key = shared === undefined ? {} : { shared };
  const disks = disksOf(config);
  const storage = options.lmServer?.storage ?? "cpu";
  const places = [
    ...disks,
    ...(storage === "cpu" ? [] : [directoryPlace(storage)]),
    ...(remote === undefined || remote.started ? [] : [placeOf(remote)]),
  ];
  return {
    env: ({ directory }) => ({
      LMCACHE_CONFIG_FILE: `${directory}/${fileName}`,
      ...(remote === undefined ? {} : environmentOf(remote)),
    }),
    files: (slot) => ({ [fileName]: lmcacheYaml(placed(config, slot, remote)) }),
    discards: [diskName],
    keepsIn: disks.filter((path) => path.startsWith("/")),
    services: (programBeside) =>
      remote === undefined ? {} : servicesOf(remote, { ...options, lmProgram: programBeside(lmPrograms[options.lmServer?.era ?? "v1"]) }),
    keepsOutside: places.map((place) => ({ place, ...key })),
    // Neither vLLM's connector nor SGLang passes a reset on to it (vLLM 0.32, SGLang 0.5.12, LMCache 0.5.6, by their sources).
    staysFull: [{ what: "LMCache in its process", instead: 'say mode: "server": one that is started with the engine can be emptied' }],
    cacheRoom: roomOf(config, disks),
    features: remote?.started === true ? [`${remote.url} is started for it, on a port of its own`] : [],
  };
}

function roomOf(config: LmcacheConfig, disks: readonly string[]): readonly CacheRoom[] {
  const { local_disk: disk, max_local_disk_size: size } = config.settings;
  const memory = cpuTier(config);
  // Of several directories nobody knows how much each is to hold.
  const sized = typeof size === "number" && disks.length < 2 ? { gib: size } : {};
  const own: readonly CacheRoom[] = disk === ownDisk ? [{ kind: "disk", ...sized }] : [];
  return [
    ...(memory === undefined ? [] : [{ kind: "memory", gib: memory.gigabytes } as const]),
    ...own,
    ...disks.filter((path) => path.startsWith("/")).map((path) => ({ kind: "disk", path, ...sized }) as const),
  ];
}

/** With what is known only once the engine has its slot: its directory, its services' ports. */
function placed(
  { settings, written = settings }: LmcacheConfig,
  { directory, services = {} }: Slot,
  remote: Remote | undefined,
): LmcacheConfig {
  const disk = settings["local_disk"] === ownDisk ? { local_disk: `file://${directory}/${diskName}/` } : {};
  const url = remote === undefined ? {} : { remote_url: urlAt(remote, services) };
  return { settings: { ...written, ...disk, ...url }, translations: [] };
}

/** "file:///a/,file:///b/": one or several. */
function disksOf({ settings }: LmcacheConfig): readonly string[] {
  const { local_disk: disk } = settings;
  if (typeof disk !== "string" || disk === ownDisk) return [];
  return disk.split(",").map((one) => directoryPlace(one.trim().replace(/^file:\/\//, "")));
}
