import type { Command, Slot, World } from "../model/engine.ts";
import { onlyTier, type LmcacheConfig } from "./lmcacheConfig.ts";
import { inEngine, type InEngine } from "./lmcacheInEngine.ts";
import { isOldLmcache, type Connection, type InProcessConnector, type Surroundings, type WithLmcacheOptions } from "./lmcacheOptions.ts";
import { refuseOtherEra, type Need } from "./refuseOtherEra.ts";
import { inWordsOf } from "./vllmFlags.ts";

/** LMCache in vLLM's process, by one of the connectors that vLLM knows. */
export function inProcess(config: LmcacheConfig, options: WithLmcacheOptions, around: Surroundings): Connection {
  const { connector = "LMCacheConnectorV1", hybridKvCache, lmServer } = options;
  const isOld = isOldLmcache(options);
  refuseOtherEra("withLmcache()", needs[connector], around);
  const own = inEngine(config, isOld ? { ...options, lmServer: { ...lmServer, era: "0.1" } } : options);
  const wrapper = around.programBeside("lmcache_vllm");
  return {
    command: (command, slot, world) => {
      const configured = withOwn(command, slot, own);
      return connector === "lmcache_vllm"
        ? wrapped(configured, wrapper)
        : connected(configured, { connector, isOld, hybridKvCache, world });
    },
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
const takeWrapper = `say connector: "lmcache_vllm", which is of vLLM up to 0.6, or ${takeLaterPair}`;

const needs: Readonly<Record<InProcessConnector, readonly Need[]>> = {
  LMCacheConnector: [
    { what: "LMCacheConnector", of: "vllm", from: "0.7.0", instead: takeWrapper },
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
  lmcache_vllm: [
    { what: "what lmcache_vllm puts LMCache into", of: "vllm", until: "0.7.0", instead: takeV0 },
    { what: "what lmcache_vllm calls", of: "lmcache", until: "0.2.0", instead: takeV0 },
  ],
};

interface Connected {
  readonly connector: InProcessConnector;
  readonly isOld: boolean;
  readonly hybridKvCache: WithLmcacheOptions["hybridKvCache"];
  readonly world: World;
}

/** Its configuration is a file, and its environment names it, whatever connects it. */
function withOwn(command: Command, slot: Slot, own: InEngine): Command {
  return {
    ...command,
    env: { ...command.env, ...own.env(slot) },
    files: { ...command.files, ...own.files(slot) },
    keepsIn: [...(command.keepsIn ?? []), ...own.keepsIn],
    discards: [...(command.discards ?? []), ...own.discards],
  };
}

/** The same arguments to another program, which starts vLLM with LMCache put into it; conda and uvx start it by its name. */
function wrapped(command: Command, program: string): Command {
  const at = command.args.indexOf("vllm");
  return at >= 0 && at < command.args.indexOf("serve")
    ? { ...command, args: command.args.with(at, "lmcache_vllm") }
    : { ...command, program };
}

function connected(command: Command, { connector, isOld, hybridKvCache, world }: Connected): Command {
  const flags = [...hybridSwitch(hybridKvCache), "--kv-transfer-config", JSON.stringify(transferConfig(connector))];
  return {
    ...command,
    args: [...command.args, ...inWordsOf(world.program, flags)],
    env: {
      ...command.env,
      // Of its two ways to keep cache, V0's LMCache has today's keys only in this one.
      ...(connector === "LMCacheConnector" ? { LMCACHE_USE_EXPERIMENTAL: isOld ? "False" : "True" } : {}),
    },
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
