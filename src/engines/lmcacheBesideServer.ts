import type { Command, Slot, World } from "../model/engine.ts";
import type { Seconds } from "../model/time.ts";
import { besideEngine, serverOrAt, serverOf } from "./lmcacheBesideEngine.ts";
import type { LmcacheConfig } from "./lmcacheConfig.ts";
import { hybridSwitch } from "./lmcacheInProcess.ts";
import type { Connection, Surroundings, WithLmcacheOptions } from "./lmcacheOptions.ts";
import { isBelow, refuseOtherEra, type Need } from "./refuseOtherEra.ts";
import { inWordsOf } from "./vllmFlags.ts";

/** LMCache as a server of its own, which the engine reaches by its connector for several processes. */
export function besideServer(config: LmcacheConfig, options: WithLmcacheOptions, around: Surroundings): Connection {
  const isBundled = takesBundled(options, around);
  refuseOtherEra("withLmcache()", needsOf(isBundled, options), around);
  const { connector: extra, ...beside } = besideEngine("withLmcache()", config, options, around);
  return {
    ...beside,
    command: (command, slot, world) => connected(command, slot, { world, options, isBundled, extra }),
    connector: "LMCacheMPConnector",
    features: [],
  };
}

/** vLLM's own connector needs no module of LMCache's, and a server that is running already no command. */
function needsOf(isBundled: boolean, { server }: WithLmcacheOptions): readonly Need[] {
  if (!isBundled) return [mpConnector, mpModule];
  return server?.at === undefined ? [mpConnector, serverOrAt] : [mpConnector];
}

const mpConnector: Need = { what: "LMCacheMPConnector", of: "vllm", from: "0.11.1", instead: 'leave out mode: "server"' };
const mpModule: Need = {
  what: "LMCache's own LMCacheMPConnector",
  of: "lmcache",
  from: "0.4.5",
  instead: 'install a later one: pip install "lmcache>=0.4.5"',
};

interface Connected {
  readonly world: World;
  readonly options: WithLmcacheOptions;
  readonly isBundled: boolean;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Its own default of 300 s is how long a request would wait for a server that is gone. */
export const usualAnswerWithin: Seconds = 10;

function connected(command: Command, slot: Slot, { world, options, isBundled, extra }: Connected): Command {
  const { host, port } = serverOf(slot);
  const transfer = {
    kv_connector: "LMCacheMPConnector",
    kv_role: "kv_both",
    ...(isBundled ? {} : { kv_connector_module_path: "lmcache.integration.vllm.lmcache_mp_connector" }),
    kv_connector_extra_config: {
      "lmcache.mp.host": `tcp://${host}`,
      "lmcache.mp.port": port,
      "lmcache.mp.mq_timeout": options.answerWithin ?? usualAnswerWithin,
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
