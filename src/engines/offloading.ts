import { checkOptions, oneOf, positive, type OptionRule } from "../model/checkOptions.ts";
import type { Engine, EngineClaims, Slot, World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Services } from "../model/service.ts";
import { isContained, isStarted } from "../model/startedLaunch.ts";
import { modeFor } from "./lmcacheBesideEngine.ts";
import { usualAnswerWithin } from "./lmcacheBesideServer.ts";
import { connectorTrait, withLmcacheClaims } from "./lmcacheClaims.ts";
import { programBeside, servicesBeside } from "./programBeside.ts";
import { installedIn, lmcacheCommand, refuseOtherEra, type Need } from "./refuseOtherEra.ts";
import { lmcacheServer } from "./services/lmcacheServer.ts";
import { inWordsOf } from "./vllmFlags.ts";

export interface OffloadingOptions {
  /** Of CPU memory, in GiB, over all GPUs of the engine together. */
  readonly gigabytes: number;
  /** "native": vLLM's own. "lmcache": an LMCache server, started beside it. "native" unless said. */
  readonly backend?: "native" | "lmcache";
}

const rules: Readonly<Record<keyof OffloadingOptions, OptionRule>> = { gigabytes: positive, backend: oneOf("native", "lmcache") };

/** vLLM's tokens in a block on a GPU: what its own offloading finds again is whole blocks. */
const blockTokens = 16;
const chunkTokens = 256;

/** The same engine with vLLM's simple flags for KV cache in CPU memory where the installed version has them. */
export function withOffloading(engine: Engine, options: OffloadingOptions): Engine {
  checkOptions("withOffloading()", options, Object.keys(rules), rules, ["gigabytes"]);
  const { gigabytes, backend = "native" } = options;
  const { gpus = 0, launch, simulation } = engine;
  if (!isStarted(launch) || engine.takesKvConnector !== true) throw takesNone(engine);
  if (isContained(launch) && backend === "lmcache") throw notInAContainer();
  const piece = backend === "native" ? blockTokens : chunkTokens;
  return {
    ...engine,
    inner: engine,
    takesKvConnector: false,
    launch: {
      ...launch,
      command: (slot, world) => {
        const command = launch.command(slot, world);
        return { ...command, args: [...command.args, ...inWordsOf(world.program, flagsOf(slot, { gigabytes, backend }))] };
      },
    },
    features: [
      ...engine.features,
      `KV cache offloaded to CPU memory, ${gigabytes} GiB, ${backend === "native" ? "by vLLM itself" : "by an LMCache server"}`,
    ],
    claims: (world) => (backend === "native" ? withOwnOffloading : withServer)(engine.claims?.(world)),
    services: (world) => ({
      ...engine.services?.(world),
      ...(backend === "native"
        ? {}
        : servicesBeside(launch, serverBeside(programBeside(launch, world)("lmcache"), { gpus, gigabytes, world }))),
    }),
    ...(simulation === undefined
      ? {}
      : { simulation: (gpu: string, world: World) => ({ ...simulation(gpu, world), cpuCache: { gigabytes, chunkTokens: piece } }) }),
  };
}

const serverName = "lmcache-server";

function takesNone({ kind, takesKvConnector }: Engine): HarnessError {
  const why = takesKvConnector === false ? "it has a KV cache connected already" : `an engine of kind "${kind}" does not take its flags`;
  return new HarnessError("usage", `withOffloading(): ${why}`, { hint: "vllm() takes them" });
}

function notInAContainer(): HarnessError {
  const why = 'backend "lmcache" is for engines that run as a process: a container does not share its GPU memory';
  return new HarnessError("usage", `withOffloading(): ${why}`, { hint: 'use backend: "native", or an engine without an image' });
}

interface Beside {
  readonly gpus: number;
  readonly gigabytes: number;
  readonly world: World;
}

/** A vLLM that would never ask it is refused: the server would idle while the report says otherwise. */
function serverBeside(program: string, { gpus, gigabytes, world }: Beside): Services {
  const installed = installedIn(world);
  refuseOtherEra("withOffloading()", [serverByFlags, lmcacheCommand], installed);
  return { [serverName]: lmcacheServer({ program, l1Gigabytes: gigabytes, ...modeFor({ gpus, ...installed }) }) };
}

// vLLM #42865, of May 2026: 0.21.0 was out by then. Before, the same flags put LMCache into the engine's process.
const serverByFlags: Need = {
  what: 'an LMCache server by backend: "lmcache"',
  of: "vllm",
  from: "0.22.0",
  instead: 'say withLmcache(engine, { mode: "server" }), or leave the mode out for LMCache in its process',
};

/** vLLM has two connectors of its own for it, and picks by its environment: whichever it is is told. */
function withOwnOffloading({ traits, reuse, ...rest }: EngineClaims = { traits: [] }): EngineClaims {
  return {
    ...rest,
    traits: [...traits, connectorTrait],
    ...(reuse === undefined ? {} : { reuse: { ...reuse, external: true, externalPiece: blockTokens, onlyTier: "memory" } }),
  };
}

/** By these flags it is vLLM that picks the connector: with the one inside its process the server would never be asked. */
function withServer(claims: EngineClaims | undefined): EngineClaims {
  const config = { settings: { chunk_size: chunkTokens }, translations: [] };
  return withLmcacheClaims(claims, { config, connector: "LMCacheMPConnector" });
}

function flagsOf({ services = {} }: Slot, { gigabytes, backend }: Required<OffloadingOptions>): readonly string[] {
  const flags = ["--kv-offloading-backend", backend, "--kv-offloading-size", String(gigabytes)];
  if (backend === "native") return flags;
  const server = services[serverName];
  // vLLM picks the connector; without these keys it would look for a server on port 5555, whoever's that is, and wait 300 s for one that hangs.
  const where = {
    "lmcache.mp.host": `tcp://${server?.host}`,
    "lmcache.mp.port": server?.ports["cache"],
    "lmcache.mp.mq_timeout": usualAnswerWithin,
  };
  return [...flags, "--kv-transfer-config", JSON.stringify({ kv_role: "kv_both", kv_connector_extra_config: where })];
}
