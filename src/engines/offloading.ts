import { checkOptions, oneOf, positive, type OptionRule } from "../model/checkOptions.ts";
import type { Engine, EngineClaims, Slot, World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { programBeside } from "./programBeside.ts";
import { lmcacheServer, type LmcacheServerOptions } from "./services/lmcacheServer.ts";
import { inWordsOf } from "./vllmFlags.ts";

export interface OffloadingOptions {
  /** Of CPU memory, over all GPUs of the engine together. */
  readonly gigabytes: number;
  /** "native": vLLM's own. "lmcache": an LMCache server, started beside it. "native" unless said. */
  readonly backend?: "native" | "lmcache";
}

const rules: Readonly<Record<keyof OffloadingOptions, OptionRule>> = { gigabytes: positive, backend: oneOf("native", "lmcache") };

/** vLLM's tokens in a block on a GPU: what its own offloading finds again is whole blocks. */
const blockTokens = 16;
const chunkTokens = 256;

/** The same engine with vLLM's simple flags for KV cache in CPU memory (vLLM 0.14 and later). */
export function withOffloading(engine: Engine, options: OffloadingOptions): Engine {
  checkOptions("withOffloading()", options, Object.keys(rules), rules, ["gigabytes"]);
  const { gigabytes, backend = "native" } = options;
  const { launch, simulation } = engine;
  if (launch.kind !== "process" || engine.takesKvConnector !== true) throw takesNone(engine);
  const piece = backend === "native" ? blockTokens : chunkTokens;
  const server: LmcacheServerOptions = { l1Gigabytes: gigabytes };
  return {
    ...engine,
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
    claims: (world) => withReuse(engine.claims?.(world), piece),
    services: (world) => ({
      ...engine.services?.(world),
      ...(backend === "native" ? {} : { [serverName]: lmcacheServer({ program: programBeside(launch, world)("lmcache"), ...server }) }),
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

function withReuse(claims: EngineClaims | undefined, externalPiece: number): EngineClaims {
  const { reuse, ...rest } = claims ?? { traits: [] };
  return { ...rest, ...(reuse === undefined ? {} : { reuse: { ...reuse, external: true, externalPiece } }) };
}

function flagsOf({ services = {} }: Slot, { gigabytes, backend }: Required<OffloadingOptions>): readonly string[] {
  const flags = ["--kv-offloading-backend", backend, "--kv-offloading-size", String(gigabytes)];
  if (backend === "native") return flags;
  const server = services[serverName];
  // vLLM picks the connector; without these keys it would look for a server on port 5555, whoever's that is.
  const where = { "lmcache.mp.host": `tcp://${server?.host}`, "lmcache.mp.port": server?.ports["cache"] };
  return [...flags, "--kv-transfer-config", JSON.stringify({ kv_role: "kv_both", kv_connector_extra_config: where })];
}
