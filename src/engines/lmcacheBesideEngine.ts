import type { CacheRoom, Slot, StaysFull } from "../model/engine.ts";
import type { CacheReuse } from "../model/proof.ts";
import type { KeptOutside, Services } from "../model/service.ts";
import type { LmcacheConfig } from "./lmcacheConfig.ts";
import { inServer, type InServer, type InServerOptions } from "./lmcacheInServer.ts";
import type { Surroundings } from "./lmcacheOptions.ts";
import { isBelow, refuseOtherEra, type Need } from "./refuseOtherEra.ts";
import {
  defaultChunkTokens,
  defaultL1Gigabytes,
  keptOutsideBy,
  lmcacheServer,
  staysFullIn,
  type L2Adapter,
  type LmcacheServerOptions,
} from "./services/lmcacheServer.ts";
import { serverEra } from "./services/lmcacheServerEras.ts";

/** LMCache as a server beside an engine, whichever engine that is. */
export interface BesideEngine extends Pick<InServer, "connector"> {
  readonly services: Services;
  readonly keepsOutside: readonly KeptOutside[];
  readonly staysFull: readonly StaysFull[];
  readonly cacheRoom: readonly CacheRoom[];
  readonly config: LmcacheConfig;
  /** The server counts by tier what vLLM looks up, and SGLang not (0.5.0). */
  readonly onlyTier?: CacheReuse["onlyTier"];
}

export function besideEngine(what: string, config: LmcacheConfig, options: InServerOptions, around: Surroundings): BesideEngine {
  const said = inServer(what, config, options);
  const server = settled(said.server, options, around);
  refuseOtherEra(what, tierNeeds(server), around);
  return {
    services: { [serverName]: lmcacheServer(server) },
    keepsOutside: keptOutsideBy(server),
    staysFull: staysFullIn(server),
    cacheRoom: roomOf(server),
    connector: said.connector,
    config: configOf(server, config),
    ...(hasMemoryAlone(server) ? { onlyTier: "memory" } : {}),
  };
}

/** Of one that is running already it is filled by whoever started it. */
function roomOf({ at, shared, l1Gigabytes: gib = defaultL1Gigabytes, l2 = [] }: LmcacheServerOptions): readonly CacheRoom[] {
  if (at !== undefined) return [];
  const key = shared === undefined ? {} : { shared };
  const disks = l2.flatMap((adapter) => (adapter.kind === "fs" && adapter.path !== undefined ? [adapter.path] : []));
  return [{ kind: "memory", gib, ...key }, ...disks.map((path) => ({ kind: "disk", path }) as const)];
}

/** As far as it is ours to say. */
function hasMemoryAlone({ at, l2 = [], l2StorePolicy, extraArgs = [] }: LmcacheServerOptions): boolean {
  return at === undefined && l2.length === 0 && l2StorePolicy !== "skip_l1" && extraArgs.length === 0;
}

const serverName = "lmcache-server";

/** Where the engine finds it. */
export function serverOf({ services = {} }: Slot): { readonly host: string; readonly port: number | undefined } {
  const { host = "127.0.0.1", ports } = services[serverName] ?? {};
  return { host, port: ports?.["cache"] };
}

/** Of a server that is not running yet. */
export const serverOrAt: Need = {
  what: "LMCache's server",
  of: "lmcache",
  from: "0.3.10",
  instead: 'pip install "lmcache>=0.3.10", or say where one is running: server: { at: "localhost:5555" }',
};

const laterTier = (what: string, from: string): Need => ({ what, of: "lmcache", from, instead: `pip install "lmcache>=${from}"` });

/** Tiers below its memory, read in its packages. Of one that is running already they are its own. */
function tierNeeds({ l2 = [], l2StorePolicy }: LmcacheServerOptions): readonly Need[] {
  return [
    ...(l2.some(({ kind }) => kind === "fs") ? [laterTier("a disk below the server's memory", "0.4.2")] : []),
    ...(l2.some(({ kind }) => kind === "resp") ? [laterTier("a Redis below the server's memory", "0.4.3")] : []),
    ...(l2StorePolicy === undefined ? [] : [laterTier("a server that keeps nothing in memory", "0.4.2")]),
  ];
}

function settled(said: LmcacheServerOptions, { server = {}, shared }: InServerOptions, around: Surroundings): LmcacheServerOptions {
  const { lmcache } = around;
  const key = shared === undefined ? {} : { shared };
  // Of one that is running already nothing else is ours to say.
  if (server.at !== undefined) return { ...key, ...server };
  const version = lmcache === undefined ? {} : { version: lmcache };
  const program = around.programBeside(serverEra(server.version ?? lmcache).program);
  // Its tiers are those of both.
  const l2 = said.l2 === undefined ? {} : { l2: said.l2 };
  return { program, ...version, ...key, ...modeFor(around), ...said, ...server, ...l2 };
}

/** KV cache that is on no GPU is taken over in this mode only. LMCache 0.5.0 has it by default, 0.5.6 no longer; those before may not know the flag. */
export function modeFor({ gpus, lmcache }: Pick<Surroundings, "gpus" | "lmcache">): Pick<LmcacheServerOptions, "transferMode"> {
  return gpus > 0 || isBelow(lmcache, "0.5.0") ? {} : { transferMode: "auto" };
}

/** What the server was told in the end, in the words of a configuration: for features, proof and simulation. */
function configOf(server: LmcacheServerOptions, { translations }: LmcacheConfig): LmcacheConfig {
  const { chunkTokens = defaultChunkTokens, l1Gigabytes = defaultL1Gigabytes, l2 = [], l2StorePolicy } = server;
  const memory = l2StorePolicy === "skip_l1" ? { local_cpu: false } : { local_cpu: true, max_local_cpu_size: l1Gigabytes };
  return { settings: { chunk_size: chunkTokens, ...memory, ...Object.fromEntries(l2.flatMap(tierOf)) }, translations };
}

function tierOf(adapter: L2Adapter): readonly (readonly [string, unknown])[] {
  switch (adapter.kind) {
    case "fs":
      return [["local_disk", adapter.path ?? "its own"]];
    case "resp":
      return [
        [
          "remote_url",
          adapter.at === undefined ? `a ${adapter.server === "valkey" ? "Valkey" : "Redis"} of its own` : `redis://${adapter.at}`,
        ],
      ];
    case "other":
      return [["remote_url", `a tier of kind ${String(adapter.adapter["type"])}`]];
  }
}
