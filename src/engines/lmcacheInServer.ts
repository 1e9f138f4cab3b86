import { HarnessError } from "../model/harnessError.ts";
import type { LmcacheConfig } from "./lmcacheConfig.ts";
import { cpuTier, ownDisk } from "./lmcacheConfig.ts";
import type { WithLmcacheOptions } from "./lmcacheOptions.ts";
import { remoteOf, type RemoteOptions } from "./lmcacheRemote.ts";
import { defaultL1Gigabytes, type L2Adapter, type LmcacheServerOptions } from "./services/lmcacheServer.ts";

/** A configuration as LMCache's server takes it: flags of the server, keys of the connector. */
export interface InServer {
  readonly server: LmcacheServerOptions;
  /** Of `kv_connector_extra_config`. */
  readonly connector: Readonly<Record<string, unknown>>;
}

export interface InServerOptions extends RemoteOptions, Pick<WithLmcacheOptions, "server"> {
  /** Keys that this engine's connector does not know. */
  readonly lacks?: readonly string[];
}

/** What a configuration file says, for the server. Keys that it has no counterpart for are mistakes, all told at once. */
export function inServer(what: string, { settings, assumed = [] }: LmcacheConfig, options: InServerOptions): InServer {
  const said = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null && value !== undefined));
  const l2 = [...diskAdapter(said), ...remoteAdapter(said, options), ...(options.server?.l2 ?? [])];
  const mistakes = [
    ...withoutCounterpart(said, options.lacks),
    ...(assumed.includes("max_local_disk_size") ? [] : limitedDisk(said)),
    ...wrongRemote(said, options),
    ...(keepsNothing(said, l2) ? ["it keeps KV cache nowhere"] : []),
  ];
  if (mistakes.length > 0) {
    throw new HarnessError("usage", `${what}: in mode "server": ${mistakes.join("; ")}`, {
      hint: 'leave it out, give the server its own flags with server: { extraArgs: [ … ] }, or use mode: "in-process"',
    });
  }
  const { chunk_size: chunkTokens, cache_policy: policy, save_decode_cache: savesDecode, enable_async_loading: isEager } = said;
  const cpu = cpuTier({ settings, translations: [] });
  return {
    server: {
      ...(typeof chunkTokens === "number" ? { chunkTokens } : {}),
      // Everything passes through its memory; without a tier there it is as small as may be, and emptied once a lower tier has it.
      ...(cpu === undefined ? { l1Gigabytes: smallestL1, l2StorePolicy: "skip_l1" as const } : l1Of(cpu.gigabytes)),
      ...(policy === "ARC" ? { evictionPolicy: "ARC" as const } : {}),
      ...(l2.length === 0 ? {} : { l2 }),
    },
    connector: {
      ...(savesDecode === true ? { "lmcache.mp.save_decode_cache": true } : {}),
      ...(isEager === true ? { "lmcache.mp.eager_prefetch": true } : {}),
    },
  };
}

const smallestL1 = 1;

function l1Of(gigabytes: number): Pick<LmcacheServerOptions, "l1Gigabytes"> {
  return gigabytes === defaultL1Gigabytes ? {} : { l1Gigabytes: gigabytes };
}

type Settings = Readonly<Record<string, unknown>>;

const known = new Set(
  "chunk_size local_cpu max_local_cpu_size local_disk max_local_disk_size remote_url remote_serde cache_policy save_decode_cache enable_async_loading".split(
    " ",
  ),
);

function withoutCounterpart(said: Settings, lacks: readonly string[] = []): readonly string[] {
  const { remote_serde: serde, cache_policy: policy } = said;
  return [
    ...Object.keys(said)
      .filter((key) => (!known.has(key) || lacks.includes(key)) && said[key] !== false)
      .map((key) => `${key} has no counterpart`),
    ...(serde === undefined || serde === "naive" ? [] : [`remote_serde: ${JSON.stringify(serde)} has to be told the model's shape`]),
    ...(policy === undefined || policy === "LRU" || policy === "ARC" ? [] : [`cache_policy is LRU or ARC, not ${JSON.stringify(policy)}`]),
  ];
}

function wrongRemote(said: Settings, options: RemoteOptions): readonly string[] {
  const remote = remoteOf(said["remote_url"], options);
  if (remote === undefined) return [];
  if (remote.kind !== "redis" && remote.kind !== "valkey") {
    return [
      `remote_url ${remote.url.replace(/:\/\/.*/s, "://…")} cannot be reached from it: its lower tiers are files and redis:// or valkey://`,
    ];
  }
  // LMCache's adapter has no word for a database: without one everything goes into number 0, whoever's that is. One of our own is empty.
  const database = remote.path.replaceAll("/", "");
  if (remote.started || database === "" || database === "0") return [];
  return [`remote_url names database ${database}, and it knows database 0 alone: leave the number out, or give it a Redis of its own`];
}

/** A limit that nobody keeps would fill a disk. */
function limitedDisk({ local_disk: disk, max_local_disk_size: limit }: Settings): readonly string[] {
  if (typeof disk !== "string" || limit === undefined) return [];
  const instead = disk === ownDisk ? 'server: { l2: [{ kind: "fs" }] }, for a directory of its own' : "the directory alone";
  return [`diskGigabytes (max_local_disk_size) has no counterpart, its disk takes what there is: say ${instead}`];
}

function keepsNothing({ local_cpu: cpu }: Settings, l2: readonly L2Adapter[]): boolean {
  return cpu === false && l2.length === 0;
}

function diskAdapter({ local_disk: disk }: Settings): readonly L2Adapter[] {
  if (typeof disk !== "string") return [];
  return [disk === ownDisk ? { kind: "fs" } : { kind: "fs", path: disk.replace(/^file:\/\//, "") }];
}

function remoteAdapter({ remote_url: url }: Settings, options: RemoteOptions): readonly L2Adapter[] {
  const remote = remoteOf(url, options);
  if (remote?.kind !== "redis" && remote?.kind !== "valkey") return [];
  const { kind: server, started, hosts, login } = remote;
  return [{ kind: "resp", server, ...(started ? {} : { at: hosts[0] ?? "" }), ...login }];
}
