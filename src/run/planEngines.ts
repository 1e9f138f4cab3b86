import { servicesOf, trialServiceSlot, trialSlot } from "../launch/neededServices.ts";
import { assignSlots } from "../launch/slots.ts";
import type { Command, Engine, Slot, World } from "../model/engine.ts";
import type { Experiment } from "../model/experiment.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Services } from "../model/service.ts";
import { isContained, isStarted } from "../model/startedLaunch.ts";
import { worldOf } from "./configFiles.ts";
import { installedProgram, servicePrograms, type Asking } from "./installedProgram.ts";
import { apart, mistakesIn } from "./mistakes.ts";
import type { Overrides } from "./params.ts";
import { mistakesInWhatItSays, soundEngine } from "./soundEngine.ts";
import type { NamedTestCase } from "./testCases.ts";

export interface PlannedEngine {
  readonly name: string;
  readonly engine: Engine;
  readonly world: World;
  /** Engines of one batch are up at the same time. */
  readonly batch: number;
  readonly gpus: readonly string[];
  /** The asked one; undefined takes a free one at the start. */
  readonly port: number | undefined;
}

/** What is here, and how to find out more of it. */
export type Here = Asking & { readonly gpuIds: readonly string[] };

/** A test's engines as far as they can be planned. */
export interface PlannedEngines {
  /** Those without mistakes, with what they get of the machine. */
  readonly engines: readonly PlannedEngine[];
  readonly mistaken: readonly Pick<PlannedEngine, "name" | "engine">[];
  readonly mistakes: readonly HarnessError[];
}

export async function planEngines({ testCase, file }: NamedTestCase, overrides: Overrides, here: Here): Promise<PlannedEngines> {
  const described = Object.entries(testCase.engines);
  if (described.length === 0) throw new HarnessError("usage", "it has no engine", { hint: "engines: { plain: vllm({ model }) }" });
  const all: Prospect[] = [];
  for (const [name, engine] of described) all.push(await prospect({ name, engine, file }, overrides, here));
  const fine = all.filter(({ mistakes }) => mistakes.length === 0);
  const mistaken = all.filter(({ mistakes }) => mistakes.length > 0);
  const slots = assignSlots(fine, here.gpuIds, overrides.ports);
  const hides = here.gpuIds.length > 0;
  const engines = fine.map(({ name, engine, world }, index) => ({
    name,
    engine: hides ? withoutGpus(engine) : engine,
    world,
    ...(slots[index] as (typeof slots)[number]),
  }));
  return { engines, mistaken, mistakes: mistaken.flatMap(({ mistakes }) => mistakes) };
}

interface Described {
  readonly name: string;
  readonly engine: Engine;
  readonly file: string | undefined;
}

type Prospect = Pick<PlannedEngine, "name" | "engine" | "world"> & { readonly mistakes: readonly HarnessError[] };

/** An engine as it will run, with every mistake in its files, its configuration and its flags. */
async function prospect({ name, engine: described, file }: Described, { simulate }: Overrides, here: Here): Promise<Prospect> {
  const engine = soundEngine(name, described);
  const { world, mistakes } = await worldIn({ name, engine, file }, simulate === undefined ? here : undefined);
  const found = mistakes.length > 0 ? mistakes : mistakesInWhatItSays(engine, world, simulate !== undefined);
  if (simulate === undefined || found.length > 0) return { name, engine, world, mistakes: found };
  try {
    return { name, engine: simulatedInstead(name, engine, simulate, world), world, mistakes: [] };
  } catch (error) {
    return { name, engine, world, mistakes: apart(error) };
  }
}

type FoundWorld = Pick<Prospect, "world" | "mistakes">;

/** The engine's files, and its program where it will be started: a flag that the program does not know is a mistake. */
async function worldIn({ name, engine, file }: Described, here: Here | undefined): Promise<FoundWorld> {
  const files = await worldOf(engine, file);
  if (here === undefined) return files;
  const mistakes = files.mistakes.length > 0 ? files.mistakes : mistakesIn(() => trialCommand(engine, files.world));
  // Where its configuration is wrong, the engine without it still has flags.
  const asked = mistakes.length === 0 ? engine : engine.inner;
  if (asked === undefined) return { world: files.world, mistakes };
  const program = await installedProgram(name, asked, files.world, here);
  const alone = program === undefined ? files.world : { ...files.world, program };
  const services = servicesIn(asked, alone);
  const world = { ...alone, servicePrograms: await servicePrograms(name, services, here) };
  const own = program === undefined ? [] : commandMistakes(asked, world);
  return { world, mistakes: [...mistakes, ...own, ...serviceMistakes(services, world)] };
}

/** None where a mistake keeps them from being said: it keeps the engine's command from being said as well, and is told with that. */
function servicesIn(engine: Engine, world: World): Services {
  let services: Services = {};
  mistakesIn(() => (services = servicesOf({ engine, world })));
  return services;
}

/** Flags of theirs that their programs do not know. */
function serviceMistakes(services: Services, { servicePrograms: programs = {} }: World): readonly HarnessError[] {
  return Object.entries(programs).flatMap(([label, program]) => {
    const service = services[label];
    if (service?.launch.kind !== "process") return [];
    const { command } = service.launch;
    return mistakesIn(() => command(trialServiceSlot(service), program));
  });
}

/** Where one keeps its command from being said, the engine without what was added to it may have others. */
function commandMistakes(engine: Engine, world: World): readonly HarnessError[] {
  const own = mistakesIn(() => trialCommand(engine, world));
  if (own.length === 0 || engine.inner === undefined) return own;
  const inner = commandMistakes(engine.inner, world);
  return [...own, ...inner.filter(({ message }) => own.every((mistake) => mistake.message !== message))];
}

function trialCommand(engine: Engine, world: World): Command | undefined {
  return isStarted(engine.launch) ? engine.launch.command(trialSlot({ engine, world }), world) : undefined;
}

/**
 * For experiments with cold caches: what it takes is added to each engine's environment, and who has no means for it is a mistake. An engine
 * with a cache of its own and one beside it gets it in any case: to prove the second, the first must be emptied.
 */
export function emptiable(engines: readonly PlannedEngine[], experiments: readonly Experiment[]): readonly PlannedEngine[] {
  if (experiments.every(({ cacheState }) => cacheState !== "cold")) {
    return engines.map((planned) => (keepsTwice(planned) ? withMeansToEmpty(planned) : planned));
  }
  const without = engines.filter(({ engine }) => engine.launch.kind !== "inProcess" && engine.resets === undefined);
  if (without.length > 0) {
    const names = without.map(({ name, engine }) => `${name} (${engine.kind})`).join(" and ");
    throw new HarnessError("usage", `cacheState: "cold" needs the caches of ${names} emptied, and nothing is known that does it`, {
      hint: 'give such an engine its resets: { paths: ["/reset_prefix_cache"] }, or leave cacheState out: documents of different experiments are never the same',
    });
  }
  refuseFull(engines);
  return engines.map(withMeansToEmpty);
}

/** Told beforehand: after the whole run it would be INVALID for that. */
function refuseFull(engines: readonly PlannedEngine[]): void {
  const full = engines.flatMap(({ name, engine, world }) => (engine.staysFull?.(world) ?? []).map((one) => ({ name, ...one })));
  if (full.length === 0) return;
  const told = full.map(({ name, what }) => `${what}, of ${name}`).join("; ");
  throw new HarnessError("usage", `cacheState: "cold" needs all caches emptied, and nothing empties ${told}`, {
    hint: `${[...new Set(full.map(({ instead }) => instead))].join("; ")}; or leave cacheState out: documents of different experiments are never the same`,
  });
}

function keepsTwice({ engine, world }: PlannedEngine): boolean {
  const reuse = engine.claims?.(world).reuse;
  return reuse?.own === true && reuse.external;
}

function withMeansToEmpty(planned: PlannedEngine): PlannedEngine {
  return { ...planned, engine: withEnvironment(planned.engine, planned.engine.resets?.env ?? {}) };
}

/** One that is to use no GPU would otherwise find all of them. In a container there are none. */
function withoutGpus(engine: Engine): Engine {
  const isToUseNone = engine.gpus === 0 && isStarted(engine.launch) && !isContained(engine.launch);
  return isToUseNone ? withEnvironment(engine, { CUDA_VISIBLE_DEVICES: "" }) : engine;
}

function withEnvironment(engine: Engine, env: Readonly<Record<string, string>>): Engine {
  const { launch } = engine;
  if (!isStarted(launch)) return engine;
  const command = (slot: Slot, world: World): Command => {
    const plain = launch.command(slot, world);
    return { ...plain, env: { ...env, ...plain.env } };
  };
  return { ...engine, launch: { ...launch, command } };
}

function simulatedInstead(name: string, engine: Engine, gpu: string, world: World): Engine {
  if (engine.simulation === undefined) {
    throw new HarnessError("usage", `engine ${name} (${engine.kind}) cannot be simulated`, {
      hint: "leave it out with --only, or run without --simulate",
    });
  }
  const { services: _none, keepsOutside: _nowhere, staysFull: _nothing, cacheRoom: _noRoom, ...alone } = engine;
  const simulation = { ...engine.simulation(gpu, world), timeScale: 1 };
  const features = [...engine.features, ...(engine.simulatedWithout?.(world) ?? [])];
  return { ...alone, features, simulated: true, gpus: 0, launch: { kind: "inProcess", simulation } };
}
