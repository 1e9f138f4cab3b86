import type { Command, Slot, World } from "../model/engine.ts";
import { onlyTier, type LmcacheConfig } from "./lmcacheConfig.ts";
import { inEngine, type InEngine } from "./lmcacheInEngine.ts";
import type { Connection, InProcessConnector, Surroundings, WithLmcacheOptions } from "./lmcacheOptions.ts";
import { refuseOtherEra, type Need } from "./refuseOtherEra.ts";
import { inWordsOf } from "./vllmFlags.ts";

/** LMCache in vLLM's process, by one of the connectors that vLLM knows. */
export function inProcess(config: LmcacheConfig, options: WithLmcacheOptions, around: Surroundings): Connection {
  const { connector = "LMCacheConnectorV1", hybridKvCache, lmServer } = options;
  const isOld = lmServer?.era === "0.1";
  refuseOtherEra("withLmcache()", needs[connector], around);
  const own = inEngine(config, options);
  return {
    command: (command, slot, world) => connected(command, slot, { own, connector, isOld, hybridKvCache, world }),
    services: own.services(around.programBeside),
    keepsOutside: own.keepsOutside,
    staysFull: own.staysFull,
    cacheRoom: own.cacheRoom,
    connector,
    features: own.features,
    config,
    onlyTier: onlyTier(config),
  };
}

const takeLaterPair = "install versions that fit together: tandem setup vllm-lmcache";
const takeV1 = 'leave connector out, for LMCacheConnectorV1, or say mode: "server"';
const takeV0 = `say connector: "LMCacheConnector", which is of vLLM 0.7 to 0.9, or ${takeLaterPair}`;

const needs: Readonly<Record<InProcessConnector, readonly Need[]>> = {
  LMCacheConnector: [
    { what: "LMCacheConnector", of: "vllm", from: "0.7.0", instead: takeLaterPair },
    { what: "LMCacheConnector", of: "vllm", until: "0.10.1", instead: takeV1 },
  ],
  LMCacheConnectorV1: [
    { what: "LMCacheConnectorV1", of: "vllm", from: "0.8.4", instead: takeV0 },
    { what: "the module it needs", of: "lmcache", from: "0.2.0", instead: takeV0 },
  ],
  LMCacheConnectorV1Dynamic: [
    // Where a connector's module may be named.
    { what: "LMCacheConnectorV1Dynamic", of: "vllm", from: "0.9.0", instead: takeV1 },
    { what: "the module it is taken from", of: "lmcache", from: "0.3.0", instead: takeLaterPair },
  ],
};

interface Connected {
  readonly own: InEngine;
  readonly connector: InProcessConnector;
  readonly isOld: boolean;
  readonly hybridKvCache: WithLmcacheOptions["hybridKvCache"];
  readonly world: World;
}

function connected(command: Command, slot: Slot, { own, connector, isOld, hybridKvCache, world }: Connected): Command {
  const flags = [...hybridSwitch(hybridKvCache), "--kv-transfer-config", JSON.stringify(transferConfig(connector))];
  return {
    ...command,
    args: [...command.args, ...inWordsOf(world.program, flags)],
    env: {
      ...command.env,
      ...own.env(slot),
      // Of its two ways to keep cache, V0's LMCache has today's keys only in this one.
      ...(connector === "LMCacheConnector" ? { LMCACHE_USE_EXPERIMENTAL: isOld ? "False" : "True" } : {}),
    },
    files: { ...command.files, ...own.files(slot) },
    keepsIn: [...(command.keepsIn ?? []), ...own.keepsIn],
    discards: [...(command.discards ?? []), ...own.discards],
  };
}

function transferConfig(connector: InProcessConnector): object {
  return {
    kv_connector: connector,
    kv_role: "kv_both",
    ...(connector === "LMCacheConnectorV1Dynamic" ? { kv_connector_module_path: "lmcache.integration.vllm.lmcache_connector_v1" } : {}),
  };
}

export function hybridSwitch(on: boolean | undefined): readonly string[] {
  return on === false ? ["--disable-hybrid-kv-cache-manager"] : [];
}
