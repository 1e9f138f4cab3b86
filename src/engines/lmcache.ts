import type { Engine, SimulationOptions, World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { isContained, isStarted } from "../model/startedLaunch.ts";
import { unknownPair } from "./knownPairs.ts";
import { besideServer } from "./lmcacheBesideServer.ts";
import { withLmcacheClaims } from "./lmcacheClaims.ts";
import { cpuTier, parseLmcacheConfig, tiers, type LmcacheConfig } from "./lmcacheConfig.ts";
import { inProcess } from "./lmcacheInProcess.ts";
import { parseOldLmcacheConfig } from "./lmcacheOldConfig.ts";
import { notSimulated } from "./notSimulated.ts";
import { programBeside, refuseWithoutLmcache, servicesBeside } from "./programBeside.ts";
import { installedIn } from "./refuseOtherEra.ts";
import {
  checkWithLmcache,
  isOldLmcache,
  notInAContainer,
  settingsOf,
  type Connection,
  type Surroundings,
  type WithLmcacheOptions,
} from "./lmcacheOptions.ts";

/** The same engine with LMCache. Its configuration, its services and its places on disk are this engine's alone unless `shared` says otherwise. */
export function withLmcache(engine: Engine, options: WithLmcacheOptions = {}): Engine {
  checkWithLmcache(options);
  const { launch, simulation } = engine;
  if (!isStarted(launch) || engine.takesKvConnector !== true) throw takesNone(engine);
  refuseWithoutLmcache("withLmcache()", launch);
  if (isContained(launch) && options.mode === "server") throw notInAContainer("withLmcache()");
  if (isContained(launch) && options.connector === "lmcache_vllm") throw anImagesOwn();
  const { paths, features, configIn } = sourceOf(options);
  const connect = options.mode === "server" ? besideServer : inProcess;
  const connection = (world: World) => connect(configIn(world), options, surroundings(engine, launch, world));
  // Without a file all is known where the author wrote it, mistakes included; only what keys are read as depends on the installed LMCache.
  const known = paths.length === 0 ? [...features, ...lastingFeatures(connection({ configFiles: {} }))] : features;
  return {
    ...engine,
    inner: engine,
    // One cache is enough: a second connector would replace the first.
    takesKvConnector: false,
    launch: { ...launch, command: (slot, world) => connection(world).command(launch.command(slot, world), slot, world) },
    features: [...engine.features, ...known, ...(options.hybridKvCache === false ? ["hybrid KV cache manager off"] : [])],
    configFiles: [...engine.configFiles, ...paths],
    claims: (world) => withLmcacheClaims(engine.claims?.(world), connection(world)),
    configuredFeatures: (world) => [
      ...(engine.configuredFeatures?.(world) ?? []),
      ...featuresOf(connection(world)).filter((phrase) => !known.includes(phrase)),
      ...unknownPair(installedIn(world)),
    ],
    services: (world) => ({ ...engine.services?.(world), ...servicesBeside(launch, connection(world).services) }),
    keepsOutside: (world) => [...(engine.keepsOutside?.(world) ?? []), ...connection(world).keepsOutside],
    cacheRoom: (world) => [...(engine.cacheRoom?.(world) ?? []), ...connection(world).cacheRoom],
    staysFull: (world) => [...(engine.staysFull?.(world) ?? []), ...connection(world).staysFull],
    ...(simulation === undefined
      ? {}
      : {
          simulation: (gpu: string, world: World) => cachedSimulation(simulation(gpu, world), connection(world).config),
          simulatedWithout: (world: World) => [...(engine.simulatedWithout?.(world) ?? []), ...tiersLeftOut(connection(world).config)],
        }),
  };
}

function surroundings({ gpus = 0 }: Engine, launch: Parameters<typeof programBeside>[0], world: World): Surroundings {
  return { gpus, programBeside: programBeside(launch, world), ...installedIn(world) };
}

function takesNone({ kind, takesKvConnector }: Engine): HarnessError {
  const why =
    takesKvConnector === false ? "it has a KV cache connected already" : `an engine of kind "${kind}" takes no KV cache connector`;
  return new HarnessError("usage", `withLmcache(): ${why}`, {
    hint: "vllm() takes one; sglang({ lmcache: { … } }) has LMCache beside it; simulated() has cpuCacheGigabytes instead; an engine of your own says takesKvConnector: true",
  });
}

interface Source {
  readonly paths: readonly string[];
  /** What is known of it before a file is read. */
  readonly features: readonly string[];
  readonly configIn: (world: World) => LmcacheConfig;
}

function anImagesOwn(): HarnessError {
  return new HarnessError("usage", 'withLmcache(): connector "lmcache_vllm" is another program than the one that an image starts', {
    hint: "say where it is installed with venv or program instead of image",
  });
}

function sourceOf({ config = {}, mode, ...options }: WithLmcacheOptions): Source {
  const parse = isOldLmcache(options) ? parseOldLmcacheConfig : parseLmcacheConfig;
  if (typeof config === "string" || config instanceof URL) {
    const path = String(config);
    // Its name only: where it lies differs from machine to machine.
    return {
      paths: [path],
      features: [`LMCache as in ${path.slice(path.lastIndexOf("/") + 1)}`],
      configIn: (world) => parse(path, world.configFiles[path], installedIn(world).lmcache),
    };
  }
  const settings = settingsOf(config, mode === undefined ? {} : { mode });
  return {
    paths: [],
    features: [mode === "server" ? "LMCache server beside it" : "LMCache in its process"],
    configIn: (world) => parse("withLmcache(): settings", settings, installedIn(world).lmcache),
  };
}

function featuresOf({ config, features }: Connection): readonly string[] {
  return [...tiers(config), ...config.translations, ...features];
}

function lastingFeatures({ config, features }: Connection): readonly string[] {
  return [...tiers(config), ...features];
}

function cachedSimulation(simulation: SimulationOptions, config: LmcacheConfig): SimulationOptions {
  const cpuCache = cpuTier(config);
  if (cpuCache !== undefined) return { ...simulation, cpuCache };
  throw new HarnessError("usage", "the simulated engine keeps KV cache in CPU memory only, and this LMCache configuration has none there", {
    hint: "run it without --simulate, or leave it out with --only",
  });
}

/** It stands for the tier in CPU memory; the others are said to be missing. */
function tiersLeftOut(config: LmcacheConfig): readonly string[] {
  const others = tiers(config).filter((tier) => !tier.startsWith("KV cache in CPU memory"));
  return notSimulated(...others);
}
