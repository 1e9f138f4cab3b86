import type { World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Service, ServiceLaunch, Services } from "../model/service.ts";
import { isContained, type StartedLaunch } from "../model/startedLaunch.ts";

/** A program of the same installation: beside the engine's where that has a path, else by its name alone. */
export function programBeside(launch: StartedLaunch, { configFiles }: World): (name: string) => string {
  // Where it is does not depend on what it knows: a wrong flag of its command is told elsewhere, and hides nothing here.
  const { program } = launch.command({ port: 1, gpus: [], directory: "/" }, { configFiles });
  const end = program.lastIndexOf("/");
  return (name) => (!isContained(launch) && end > 0 ? `${program.slice(0, end + 1)}${name}` : name);
}

/** Programs that come with LMCache, or that start it, by their names on a PATH. */
const ofLmcache: ReadonlySet<string> = new Set(["lmcache", "lmcache_server", "python3"]);

/** Services of an engine that conda or uvx starts: those with a program of its environment are started there in the same way. */
export function servicesBeside(launch: StartedLaunch, services: Services): Services {
  const through = throughOf(launch);
  if (through === undefined) return services;
  return Object.fromEntries(Object.entries(services).map(([name, service]) => [name, startedBy(through, service)]));
}

function throughOf(launch: StartedLaunch): readonly string[] | undefined {
  return "through" in launch ? launch.through : undefined;
}

function startedBy(through: readonly string[], service: Service): Service {
  const { launch } = service;
  if (launch.kind !== "process") return service;
  const [starter = "", ...before] = through;
  const command: Extract<ServiceLaunch, { kind: "process" }>["command"] = (slot, installed) => {
    const plain = launch.command(slot, installed);
    return ofLmcache.has(plain.program) ? { ...plain, program: starter, args: [...before, plain.program, ...plain.args] } : plain;
  };
  return { ...service, launch: { ...launch, command, through } };
}

/** An environment that uvx makes holds what it is told to, and nothing can be installed into it. */
export function refuseWithoutLmcache(what: string, launch: StartedLaunch): void {
  const through = throughOf(launch) ?? [];
  if (through[0] !== "uvx" || through.some((argument) => /lmcache/i.test(argument))) return;
  const from = through[through.indexOf("--from") + 1];
  throw new HarnessError("usage", `${what}: the environment that uvx makes for ${from} has no LMCache in it`, {
    hint: `uvx: ["${from}", "lmcache==0.5.0"]; the version must fit the engine's`,
  });
}
