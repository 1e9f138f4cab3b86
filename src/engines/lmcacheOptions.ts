import {
  checkOptions,
  nonEmptyText,
  notNegative,
  oneOf,
  positive,
  serviceWord,
  wholeNumber,
  yesOrNo,
  type OptionRule,
} from "../model/checkOptions.ts";
import type { CacheRoom, Command, Slot, StaysFull, World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { CacheReuse } from "../model/proof.ts";
import type { KeptOutside, Services } from "../model/service.ts";
import type { Seconds } from "../model/time.ts";
import { ownDisk, type LmcacheConfig } from "./lmcacheConfig.ts";
import type { Installed } from "./refuseOtherEra.ts";
import { checkLmcacheServer, type LmcacheServerOptions } from "./services/lmcacheServer.ts";
import type { LmServerOptions } from "./services/lmServer.ts";

/**
 * LMCache's connectors by what vLLM calls them: of its V1 engine, of one that vLLM is told where to find, of its V0 engine. vLLM up to 0.6 knows
 * none: the program of the package lmcache-vllm is started in its place.
 */
export type InProcessConnector = "LMCacheConnectorV1" | "LMCacheConnectorV1Dynamic" | "LMCacheConnector" | "lmcache_vllm";

/** An LMCache configuration without a file. What is left out is LMCache's default. */
export interface LmcacheOptions {
  readonly chunkTokens?: number;
  /** KV cache kept in CPU memory, in GiB, as LMCache counts what it calls GB; 0 for none. */
  readonly cpuGigabytes?: number;
  /** KV cache kept on disk, in GiB, in the engine's process: LMCache's server sets no limit to it. */
  readonly diskGigabytes?: number;
  /** Its directory, absolute; one of its own for each engine unless said. A server has one of its own by `server: { l2: [{ kind: "fs" }] }`. */
  readonly diskPath?: string;
  /** Of a cache server: lm://localhost:65432, redis://localhost:6379, redis-sentinel://localhost:26379, … */
  readonly remoteUrl?: string;
  readonly remoteSerde?: "naive" | "cachegen";
  /** Further keys as LMCache names them. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface WithLmcacheOptions {
  /** A configuration file, of today's LMCache or of 0.1, or its content in words. */
  readonly config?: string | URL | LmcacheOptions;
  /** Where LMCache runs: in the engine's process, unless said, or as a server beside it. */
  readonly mode?: "in-process" | "server";
  /** In the process: what vLLM calls it. "LMCacheConnectorV1" unless said; "LMCacheConnector" is for vLLM's V0 engine, "lmcache_vllm" for vLLM up to 0.6. */
  readonly connector?: InProcessConnector;
  /** Beside a server: the connector that comes with vLLM, for vLLM below 0.20. Unless said, it depends on vLLM's version where that is known. */
  readonly bundledConnector?: boolean;
  /** False for `--disable-hybrid-kv-cache-manager`, which some models need with LMCache. */
  readonly hybridKvCache?: boolean;
  /** Beside a server: what the configuration does not say of it. */
  readonly server?: LmcacheServerOptions;
  /** Beside a server: how long the engine waits for each of its answers; 10 unless said. To take over much KV memory of many GPUs it may need longer. */
  readonly answerWithin?: Seconds;
  /** A cache server whose address is of this machine is started for this engine, on a free port; "running" takes the one that is there. */
  readonly remote?: "started" | "running";
  /** In the process: the server that is started for lm://. `era: "0.1"` is that of LMCache 0.1, which may keep its cache in a directory, and has the engine's LMCache be the old one too. */
  readonly lmServer?: Pick<LmServerOptions, "era" | "storage">;
  /** Engines that say the same key share their services and their places on disk. */
  readonly shared?: string;
}

const optionRules: Readonly<Record<keyof WithLmcacheOptions, OptionRule>> = {
  config: () => undefined,
  mode: oneOf("in-process", "server"),
  connector: oneOf("LMCacheConnectorV1", "LMCacheConnectorV1Dynamic", "LMCacheConnector", "lmcache_vllm"),
  bundledConnector: yesOrNo,
  hybridKvCache: yesOrNo,
  server: (value) => (typeof value === "object" && value !== null ? undefined : "must be an object"),
  answerWithin: positive,
  remote: oneOf("started", "running"),
  lmServer: (value) => (typeof value === "object" && value !== null ? undefined : "must be an object"),
  shared: serviceWord,
};

/** What LMCache finds where it is connected. */
export interface Surroundings extends Installed {
  /** A program of the engine's installation. */
  readonly programBeside: (name: string) => string;
  /** Of the engine: with 0 of them its KV cache is in CPU memory. */
  readonly gpus: number;
}

/** One way of connecting LMCache to an engine, with its configuration known. */
export interface Connection {
  /** Added to the engine's command. */
  readonly command: (command: Command, slot: Slot, world: World) => Command;
  readonly services: Services;
  readonly keepsOutside: readonly KeptOutside[];
  readonly staysFull: readonly StaysFull[];
  readonly cacheRoom: readonly CacheRoom[];
  /** What the engine says of the connector in its log. */
  readonly connector: string;
  readonly features: readonly string[];
  /** As far as a simulated engine can stand for it: with CPU memory alone. */
  readonly config: LmcacheConfig;
  /** Where all of it is kept, where its own counters do not say. */
  readonly onlyTier?: CacheReuse["onlyTier"];
}

/** All that can be wrong with an author's options without a file being read. */
export function checkWithLmcache(options: WithLmcacheOptions): void {
  checkOptions("withLmcache()", options, Object.keys(optionRules), optionRules);
  const { mode = "in-process", connector, hybridKvCache, bundledConnector, server, answerWithin, lmServer } = options;
  const ofOtherMode = mode === "server" ? { connector, lmServer } : { server, bundledConnector, answerWithin };
  const wrong = Object.entries(ofOtherMode).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (wrong.length > 0) {
    throw new HarnessError("usage", `withLmcache(): ${wrong.join(" and ")} cannot be said in mode "${mode}"`, {
      hint: mode === "server" ? 'it is for mode: "in-process"' : 'add mode: "server"',
    });
  }
  if (server !== undefined) checkLmcacheServer("withLmcache(): server", server);
  if (connector === "lmcache_vllm" && hybridKvCache !== undefined) {
    throw new HarnessError("usage", "withLmcache(): hybridKvCache is of later versions than those that lmcache_vllm starts", {
      hint: "leave it out",
    });
  }
  if (lmServer?.era === "0.1" && connector !== "LMCacheConnector" && connector !== "lmcache_vllm") {
    throw new HarnessError("usage", "withLmcache(): the lm:// server of LMCache 0.1 is another than today's LMCache speaks to", {
      hint: 'say connector: "LMCacheConnector" as well, which is of vLLM 0.7 to 0.9, or leave lmServer out',
    });
  }
}

/** What LMCache 0.1 reads, and what it speaks to. */
export function isOldLmcache({ connector, lmServer }: Pick<WithLmcacheOptions, "connector" | "lmServer">): boolean {
  return connector === "lmcache_vllm" || lmServer?.era === "0.1";
}

export function notInAContainer(what: string): HarnessError {
  return new HarnessError(
    "usage",
    `${what}: mode "server" is for engines that run as a process: a container does not share its GPU memory`,
    { hint: 'use mode: "in-process", or say where the engine is with venv or program instead of image' },
  );
}

const rules: Readonly<Record<keyof LmcacheOptions, OptionRule>> = {
  chunkTokens: wholeNumber({ from: 1 }),
  cpuGigabytes: notNegative,
  diskPath: (value) => (typeof value === "string" && value.startsWith("/") ? undefined : "must be an absolute path"),
  diskGigabytes: positive,
  remoteUrl: nonEmptyText,
  remoteSerde: (value) => (value === "naive" || value === "cachegen" ? undefined : 'must be "naive" or "cachegen"'),
  settings: (value) => (typeof value === "object" && value !== null ? undefined : "must be an object"),
};

/** In LMCache's own keys. */
export function settingsOf(
  options: LmcacheOptions,
  { mode = "in-process", what = "withLmcache(): config" }: Pick<WithLmcacheOptions, "mode"> & { readonly what?: string } = {},
): Readonly<Record<string, unknown>> {
  // In the process LMCache gives a disk no room unless it is told how much.
  const disk = options.diskPath === undefined || mode === "server" ? [] : ["diskGigabytes"];
  checkOptions(what, options, Object.keys(rules), rules, disk);
  const { chunkTokens, cpuGigabytes, diskGigabytes, diskPath, remoteUrl, remoteSerde, settings } = options;
  const diskAt = diskPath === undefined ? ownDisk : `file://${diskPath}`;
  const hasDisk = diskPath !== undefined || diskGigabytes !== undefined;
  return {
    ...(chunkTokens === undefined ? {} : { chunk_size: chunkTokens }),
    ...(cpuGigabytes === undefined ? {} : { local_cpu: cpuGigabytes > 0 }),
    ...(cpuGigabytes === undefined || cpuGigabytes === 0 ? {} : { max_local_cpu_size: cpuGigabytes }),
    ...(hasDisk ? { local_disk: diskAt } : {}),
    ...(diskGigabytes === undefined ? {} : { max_local_disk_size: diskGigabytes }),
    ...(remoteUrl === undefined ? {} : { remote_url: remoteUrl }),
    ...(remoteSerde === undefined ? {} : { remote_serde: remoteSerde }),
    ...settings,
  };
}
