import type { Command, Slot, World } from "../model/engine.ts";
import { lmcacheYaml, ownDisk, type LmcacheConfig } from "./lmcacheConfig.ts";
import type { Connection, InProcessConnector, Surroundings, WithLmcacheOptions } from "./lmcacheOptions.ts";
import { environmentOf, placeOf, remoteOf, servicesOf, urlAt, type Remote } from "./lmcacheRemote.ts";
import { refuseOtherEra, type Need } from "./refuseOtherEra.ts";
import { inWordsOf } from "./vllmFlags.ts";

/** LMCache in the engine's process: its configuration as a file of this engine alone. */
export function inProcess(config: LmcacheConfig, options: WithLmcacheOptions, around: Surroundings): Connection {
  const { connector = "LMCacheConnectorV1", shared, hybridKvCache } = options;
  refuseOtherEra("withLmcache()", needs[connector], around);
  const remote = remoteOf(config.settings["remote_url"], options);
  const key = shared === undefined ? {} : { shared };
  const places = [...disksOf(config), ...(remote === undefined || remote.started ? [] : [placeOf(remote)])];
  return {
    command: (command, slot, world) => connected(command, slot, { config, remote, connector, hybridKvCache, world }),
    services: remote === undefined ? {} : servicesOf(remote, { ...options, lmProgram: around.programBeside("lmcache_server") }),
    keepsOutside: places.map((place) => ({ place, ...key })),
    connector,
    features: remote?.started === true ? [`${remote.url} is started for it, on a port of its own`] : [],
    config,
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
  readonly config: LmcacheConfig;
  readonly remote: Remote | undefined;
  readonly connector: InProcessConnector;
  readonly hybridKvCache: WithLmcacheOptions["hybridKvCache"];
  readonly world: World;
}

const fileName = "lmcache.yaml";
/** Of a disk of its own, in the engine's directory. */
const diskName = "kv";

function connected(command: Command, slot: Slot, { config, remote, connector, hybridKvCache, world }: Connected): Command {
  const flags = [...hybridSwitch(hybridKvCache), "--kv-transfer-config", JSON.stringify(transferConfig(connector))];
  return {
    ...command,
    args: [...command.args, ...inWordsOf(world.program, flags)],
    env: {
      ...command.env,
      LMCACHE_CONFIG_FILE: `${slot.directory}/${fileName}`,
      // Of its two ways to keep cache, V0's LMCache has today's keys only in this one.
      ...(connector === "LMCacheConnector" ? { LMCACHE_USE_EXPERIMENTAL: "True" } : {}),
      ...(remote === undefined ? {} : environmentOf(remote)),
    },
    files: { ...command.files, [fileName]: lmcacheYaml(placed(config, slot, remote)) },
    discards: [...(command.discards ?? []), diskName],
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

/** With what is known only once the engine has its slot: its directory, its services' ports. */
function placed(config: LmcacheConfig, { directory, services = {} }: Slot, remote: Remote | undefined): LmcacheConfig {
  const disk = config.settings["local_disk"] === ownDisk ? { local_disk: `file://${directory}/${diskName}/` } : {};
  const url = remote === undefined ? {} : { remote_url: urlAt(remote, services) };
  return { ...config, settings: { ...config.settings, ...disk, ...url } };
}

/** "file:///a/,file:///b/": one or several. */
function disksOf({ settings }: LmcacheConfig): readonly string[] {
  const { local_disk: disk } = settings;
  if (typeof disk !== "string" || disk === ownDisk) return [];
  return disk.split(",").map((one) => one.trim().replace(/^file:\/\//, ""));
}
