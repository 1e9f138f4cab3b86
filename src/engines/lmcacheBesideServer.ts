import type { Command, Slot, World } from "../model/engine.ts";
import type { LmcacheConfig } from "./lmcacheConfig.ts";
import { hybridSwitch } from "./lmcacheInProcess.ts";
import { inServer } from "./lmcacheInServer.ts";
import type { Connection, Surroundings, WithLmcacheOptions } from "./lmcacheOptions.ts";
import { isBelow, lmcacheCommand, refuseOtherEra, type Need } from "./refuseOtherEra.ts";
import {
  defaultChunkTokens,
  defaultL1Gigabytes,
  keptOutsideBy,
  lmcacheServer,
  type L2Adapter,
  type LmcacheServerOptions,
} from "./services/lmcacheServer.ts";
import { inWordsOf } from "./vllmFlags.ts";

/** LMCache as a server of its own, which the engine reaches by its connector for several processes. */
export function besideServer(config: LmcacheConfig, options: WithLmcacheOptions, around: Surroundings): Connection {
  const isBundled = takesBundled(options, around);
  refuseOtherEra("withLmcache()", needsOf(isBundled, options), around);
  const said = inServer(config, options);
  const server = settled(said.server, options, around);
  return {
    command: (command, slot, world) => connected(command, slot, { world, options, isBundled, extra: said.connector }),
    services: { [serverName]: lmcacheServer(server) },
    keepsOutside: keptOutsideBy(server),
    connector: "LMCacheMPConnector",
    features: [],
    config: configOf(server, config),
  };
}

const serverName = "lmcache-server";

/** vLLM's own connector needs no module of LMCache's, and a server that is running already no command. */
function needsOf(isBundled: boolean, { server }: WithLmcacheOptions): readonly Need[] {
  if (!isBundled) return [mpConnector, mpModule];
  return server?.at === undefined ? [mpConnector, commandOrAt] : [mpConnector];
}

const commandOrAt: Need = {
  ...lmcacheCommand,
  instead: `${lmcacheCommand.instead}, or start the server it has (python3 -m lmcache.v1.multiprocess.server) and say server: { at: "localhost:5555" }`,
};

const mpConnector: Need = { what: "LMCacheMPConnector", of: "vllm", from: "0.11.1", instead: 'leave out mode: "server"' };
const mpModule: Need = {
  what: "LMCache's own LMCacheMPConnector",
  of: "lmcache",
  from: "0.4.5",
  instead: 'install a later one: pip install "lmcache>=0.4.5"',
};

function settled(said: LmcacheServerOptions, { server = {}, shared }: WithLmcacheOptions, around: Surroundings): LmcacheServerOptions {
  const key = shared === undefined ? {} : { shared };
  // Of one that is running already nothing else is ours to say.
  if (server.at !== undefined) return { ...key, ...server };
  return { program: around.programBeside("lmcache"), ...key, ...modeFor(around), ...said, ...server };
}

/** KV cache that is on no GPU is taken over in this mode only. LMCache 0.5.0 has it by default, 0.5.6 no longer; those before may not know the flag. */
export function modeFor({ gpus, lmcache }: Pick<Surroundings, "gpus" | "lmcache">): Pick<LmcacheServerOptions, "transferMode"> {
  return gpus > 0 || isBelow(lmcache, "0.5.0") ? {} : { transferMode: "auto" };
}

interface Connected {
  readonly world: World;
  readonly options: WithLmcacheOptions;
  readonly isBundled: boolean;
  readonly extra: Readonly<Record<string, unknown>>;
}

function connected(command: Command, { services = {} }: Slot, { world, options, isBundled, extra }: Connected): Command {
  const { host = "127.0.0.1", ports } = services[serverName] ?? {};
  const transfer = {
    kv_connector: "LMCacheMPConnector",
    kv_role: "kv_both",
    ...(isBundled ? {} : { kv_connector_module_path: "lmcache.integration.vllm.lmcache_mp_connector" }),
    kv_connector_extra_config: {
      "lmcache.mp.host": `tcp://${host}`,
      "lmcache.mp.port": ports?.["cache"],
      // Its default of 300 s is how long a request would wait for a server that is gone.
      "lmcache.mp.mq_timeout": options.answerWithin ?? 10,
      ...extra,
    },
  };
  const flags = [...hybridSwitch(options.hybridKvCache), "--kv-transfer-config", JSON.stringify(transfer)];
  return { ...command, args: [...command.args, ...inWordsOf(world.program, flags)] };
}

/** vLLM below 0.20 has a connector of its own that cannot be replaced; from then on the bundled one is an old copy, and is taken silently. */
function takesBundled({ bundledConnector }: WithLmcacheOptions, { vllm }: Surroundings): boolean {
  return bundledConnector ?? isBelow(vllm, "0.20.0");
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
