import { checkOptions, oneOf, serviceWord, type OptionRule } from "../model/checkOptions.ts";
import type { CacheRoom, Command, Engine, Slot, StaysFull, World } from "../model/engine.ts";
import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { KeptOutside, Services } from "../model/service.ts";
import { isContained, isStarted, type StartedLaunch } from "../model/startedLaunch.ts";
import { allKnown, type FlagRules } from "./flags.ts";
import { unknownPair } from "./knownPairs.ts";
import { besideEngine, serverOf } from "./lmcacheBesideEngine.ts";
import { lmcacheYaml, parseLmcacheConfig, tiers, type LmcacheConfig } from "./lmcacheConfig.ts";
import { fileName, inEngine } from "./lmcacheInEngine.ts";
import { notInAContainer, settingsOf, type LmcacheOptions, type Surroundings, type WithLmcacheOptions } from "./lmcacheOptions.ts";
import { programBeside, refuseWithoutLmcache, servicesBeside } from "./programBeside.ts";
import { installedIn, refuseOtherEra } from "./refuseOtherEra.ts";
import { checkLmcacheServer } from "./services/lmcacheServer.ts";
import { inProcessNeeds, serverNeeds } from "./sglangEras.ts";
import { withSglangLmcacheClaims, type ClaimedConnection } from "./sglangLmcacheClaims.ts";
import { metricsWithLmcache } from "./sglangMetrics.ts";

/** LMCache with SGLang. `mode` is "server" unless said: published SGLang from 0.5.13 on has no other on NVIDIA's GPUs, earlier ones have "in-process" alone. */
export interface SglangLmcacheOptions extends LmcacheOptions, Pick<WithLmcacheOptions, "mode" | "server" | "remote" | "shared"> {}

type Places = Pick<SglangLmcacheOptions, "mode" | "server" | "remote" | "shared">;

const placeRules: Readonly<Record<keyof Places, OptionRule>> = {
  mode: oneOf("in-process", "server"),
  server: (value) => (typeof value === "object" && value !== null ? undefined : "must be an object"),
  remote: oneOf("started", "running"),
  shared: serviceWord,
};

const what = "sglang(): lmcache";

/** What is said of SGLang elsewhere, and matters here. */
export interface SglangAround {
  readonly flags: FlagRules;
  readonly prefixCaching: boolean;
  readonly pageTokens: number;
}

/** The same SGLang with LMCache, as a server beside it or in its process. */
export function withSglangLmcache(engine: Engine, options: SglangLmcacheOptions, around: SglangAround): Engine {
  const { launch, metrics, resets, simulation: _none, ...rest } = engine;
  if (!isStarted(launch)) return engine;
  const { mode = "server", server, remote, shared, ...said } = options;
  const places: Places = {
    mode,
    ...(server === undefined ? {} : { server }),
    ...(remote === undefined ? {} : { remote }),
    ...(shared === undefined ? {} : { shared }),
  };
  checkPlaces(places, launch, around);
  const settings = settingsOf(said, { mode, what });
  const connection = (world: World) => connectionOf(engine, launch, { settings, places, world, around });
  const known = lastingFeatures(connection({ configFiles: {} }));
  const [own] = resets?.paths ?? [];
  return {
    ...rest,
    inner: engine,
    launch: { ...launch, command: (slot, world) => connection(world).command(launch.command(slot, world), slot, world) },
    features: [...engine.features, mode === "server" ? "LMCache server beside it" : "LMCache in its process", ...known],
    configuredFeatures: (world) => [
      ...(engine.configuredFeatures?.(world) ?? []),
      ...[...lastingFeatures(connection(world)), ...connection(world).config.translations].filter((phrase) => !known.includes(phrase)),
      ...unknownPair(installedIn(world, "sglang")),
    ],
    claims: (world) => withSglangLmcacheClaims(engine.claims?.(world), connection(world)),
    services: (world) => servicesBeside(launch, connection(world).services),
    keepsOutside: (world) => connection(world).keepsOutside,
    staysFull: (world) => connection(world).staysFull,
    cacheRoom: (world) => connection(world).cacheRoom,
    ...(metrics === undefined ? {} : { metrics: metricsWithLmcache(metrics, mode) }),
    // It empties what is on the GPU, and LMCache stays full: of 0.5.17 and 0.5.23, by their sources. A server is emptied by itself.
    ...(resets === undefined || own === undefined ? {} : { resets: { ...resets, own, ownIsTold: true } }),
  };
}

function checkPlaces(places: Places, launch: StartedLaunch, { prefixCaching }: SglangAround): void {
  checkOptions(what, places, Object.keys(placeRules), placeRules);
  const { mode, server } = places;
  if (!prefixCaching) {
    throw new HarnessError("usage", `${what}: without its prefix cache SGLang leaves LMCache out, and says nothing`, {
      hint: 'leave prefixCaching: false and --disable-radix-cache out; extraArgs: ["--max-total-tokens", "32768"] keeps its own cache small',
    });
  }
  if (mode === "server" && isContained(launch)) throw notInAContainer(what);
  if (mode === "in-process" && server !== undefined) {
    throw new HarnessError("usage", `${what}: server cannot be said in mode "in-process"`, { hint: 'leave mode out, or say "server"' });
  }
  if (server !== undefined) checkLmcacheServer(`${what}: server`, server);
  refuseWithoutLmcache(what, launch);
}

/** One way of connecting LMCache to SGLang, with its configuration known. */
interface SglangConnection extends ClaimedConnection {
  readonly command: (command: Command, slot: Slot, world: World) => Command;
  readonly services: Services;
  readonly keepsOutside: readonly KeptOutside[];
  readonly staysFull: readonly StaysFull[];
  readonly cacheRoom: readonly CacheRoom[];
  readonly features: readonly string[];
}

interface Connecting {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly places: Places;
  readonly world: World;
  readonly around: SglangAround;
}

function connectionOf(engine: Engine, launch: StartedLaunch, connecting: Connecting): SglangConnection {
  const { places, world } = connecting;
  const around = { gpus: engine.gpus ?? 0, programBeside: programBeside(launch, world), ...installedIn(world, "sglang") };
  return places.mode === "server" ? beside(connecting, around) : inside(connecting, around);
}

/** It reads of its configuration where the server is, and nothing else. */
function beside({ settings, places, around: { pageTokens, flags } }: Connecting, around: Surroundings): SglangConnection {
  refuseOtherEra(what, serverNeeds(around.sglang, places.server), around);
  const config = parseLmcacheConfig(what, settings, around.lmcache);
  // It stores the tokens of answers anyway, and looks before a request is scheduled.
  const { connector: _none, ...server } = besideEngine(
    what,
    config,
    { ...places, lacks: ["save_decode_cache", "enable_async_loading"] },
    around,
  );
  if (places.server?.at === undefined) refuseUnevenChunks(server.config, pageTokens);
  return {
    ...server,
    mode: "server",
    features: [],
    command: (command, slot, world) => {
      const { host, port } = serverOf(slot);
      const files = { [fileName]: lmcacheYaml({ settings: { mp_host: host, mp_port: port }, translations: [] }) };
      const args = ["--enable-lmcache", "--lmcache-config-file", `${slot.directory}/${fileName}`];
      return { ...command, args: [...command.args, ...allKnown(world.program, args, flags)], files: { ...command.files, ...files } };
    },
  };
}

/** SGLang's connector works layer by layer only. */
function inside({ settings, places, around: { flags } }: Connecting, around: Surroundings): SglangConnection {
  refuseOtherEra(what, inProcessNeeds, around);
  const config = parseLmcacheConfig(what, { use_layerwise: true, ...settings }, around.lmcache);
  const own = inEngine(config, places);
  return {
    mode: "in-process",
    services: own.services(around.programBeside),
    keepsOutside: own.keepsOutside,
    staysFull: own.staysFull,
    cacheRoom: own.cacheRoom,
    features: own.features,
    config,
    command: (command, slot, world) => ({
      ...command,
      args: [...command.args, ...allKnown(world.program, ["--enable-lmcache"], flags)],
      env: { ...command.env, ...own.env(slot) },
      files: { ...command.files, ...own.files(slot) },
      discards: [...(command.discards ?? []), ...own.discards],
      keepsIn: [...(command.keepsIn ?? []), ...own.keepsIn],
    }),
  };
}

/** Its scheduler would end with "LMCache chunk size must be a multiple of SGLang page size". */
function refuseUnevenChunks({ settings }: LmcacheConfig, pageTokens: number): void {
  const chunk = Number(settings["chunk_size"]);
  if (chunk % pageTokens === 0) return;
  throw new HarnessError("usage", `${what}: chunks of ${grouped(chunk)} tokens are not whole pages of ${pageTokens}`, {
    hint: `chunkTokens must be a multiple of --page-size: ${Math.max(1, Math.round(chunk / pageTokens)) * pageTokens}`,
  });
}

function lastingFeatures({ config, features }: SglangConnection): readonly string[] {
  return [...tiers(config), ...features];
}
