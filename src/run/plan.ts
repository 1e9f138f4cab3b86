import { isAbsolute } from "node:path";

import { interleaved, inTurn, together as atTheSameTime, type Phase, type Turn } from "../load/order.ts";
import { workloadHash } from "../journal/workloadHash.ts";
import { dockerCommand } from "../launch/docker.ts";
import { engineEnvironment, masked, type EngineEnvironment } from "../launch/environment.ts";
import { neededServices, trialSlot } from "../launch/neededServices.ts";
import { maskedArguments, masks } from "../launch/secrets.ts";
import { refuseSharedPlaces } from "../launch/sharedPlaces.ts";
import { assignSlots } from "../launch/slots.ts";
import type { Command, Engine, SimulationOptions, Slot, World } from "../model/engine.ts";
import type { Experiment, Order } from "../model/experiment.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { EngineDescription, ExperimentDescription, TestDescription } from "../model/result.ts";
import type { Place } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";
import type { Workload } from "../model/workload.ts";
import { virtualClock } from "../host/virtualClock.ts";
import { simulatedCore } from "../simulation/core.ts";
import { blocksOf } from "../workloads/blocks.ts";
import { worldOf } from "./configFiles.ts";
import { installedProgram, type Asking } from "./installedProgram.ts";
import { apart, madeOfEach, mistakesIn, together } from "./mistakes.ts";
import { gpusFor, refuseTwice, unseenGpus } from "./namedGpus.ts";
import { organisationOf, type Overrides } from "./params.ts";
import { overridden, type NamedTestCase } from "./testCases.ts";
import { titledApart } from "./titles.ts";

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

/** What one block sends. */
export interface PlannedBlock {
  readonly workload: Workload;
  readonly hash: string;
}

/** With what its first block sends. */
export interface PlannedExperiment extends PlannedBlock {
  readonly experiment: Experiment;
  readonly order: Order;
  readonly laterBlocks: readonly PlannedBlock[];
}

/** A test decided in every respect but what only the moment of the start can tell. */
export interface PlannedTest {
  readonly name: string;
  readonly named: NamedTestCase;
  readonly engines: readonly PlannedEngine[];
  readonly experiments: readonly PlannedExperiment[];
  /** Every engine is simulated in this process: the run is in virtual time and its reports are the same bytes every time. */
  readonly virtual: boolean;
  readonly description: TestDescription;
}

/** Plans test cases; boots nothing. Mistakes of all of them are told together. */
export async function planTests(
  cases: readonly NamedTestCase[],
  overrides: Overrides,
  place: Place,
  { tell, mistakes = [] }: PlanningOptions = {},
): Promise<readonly PlannedTest[]> {
  const here = await place.gpus();
  const gpuIds = gpusFor(overrides, here);
  const found = [...mistakes, ...mistakesIn(() => refuseTwice(gpuIds, overrides))];
  const planned: PlannedTest[] = [];
  for (const named of cases) {
    try {
      planned.push(await planTest(overridden(named, overrides), overrides, { gpuIds, place, ...(tell === undefined ? {} : { tell }) }));
    } catch (error) {
      found.push(...apart(error).map((mistake) => of(named, mistake)));
    }
  }
  if (found.length > 0) throw together(found);
  if (here.length === 0 && planned.some(({ engines }) => engines.some(({ gpus }) => gpus.length > 0))) {
    tell?.(`warning: ${unseenGpus(gpuIds)}`);
  }
  return planned;
}

export interface PlanningOptions {
  /** Told what takes long, and what cannot be known. */
  readonly tell?: (message: string) => void;
  /** Made before, to be told together with those of the plan. */
  readonly mistakes?: readonly HarnessError[];
}

function of({ name }: NamedTestCase, { message, hint }: HarnessError): HarnessError {
  return new HarnessError("usage", `${name}: ${message}`, hint === undefined ? {} : { hint });
}

/** The schedule of one experiment on the engines of one batch, all phases in order. */
export function phasesOf({ order, workload, experiment, laterBlocks }: PlannedExperiment, engines: readonly string[]): readonly Phase[] {
  const orders = { together: atTheSameTime, inTurn, interleaved } as const;
  const phases = orders[order](engines, workload, experiment.repeats);
  return laterBlocks.length === 0 ? phases : phases.map((phase) => phase.map((turn) => withPromptOfItsBlock(turn, laterBlocks)));
}

/** Later blocks have the schedule of the first. */
function withPromptOfItsBlock(turn: Turn, laterBlocks: readonly PlannedBlock[]): Turn {
  const request = laterBlocks[turn.block - 1]?.workload.requests[turn.request.id];
  return request === undefined ? turn : { ...turn, request };
}

/** From the first to the last due request, all phases one after the other; undefined where that depends on the answers. */
export function lasts(phases: readonly Phase[]): Seconds | undefined {
  if (phases.some((phase) => phase.some(({ due }) => due === undefined))) return undefined;
  return phases.reduce((sum, phase) => sum + Math.max(0, ...phase.map((turn) => turn.due ?? 0)), 0);
}

/** The command an engine is started with in a slot; undefined for engines that nobody starts. */
export function commandOf({ engine, world }: PlannedEngine, slot: Slot): Command | undefined {
  return "command" in engine.launch ? engine.launch.command(slot, world) : undefined;
}

/** The files it is started with, without the passwords of URLs in them. */
export function shownFilesOf(planned: PlannedEngine, slot: Slot): readonly (readonly [name: string, content: string])[] {
  return Object.entries(commandOf(planned, slot)?.files ?? {}).map(([name, content]) => [name, masks(content)]);
}

/** What is here, and how to find out more of it. */
type Here = Asking & { readonly gpuIds: readonly string[] };

async function planTest(named: NamedTestCase, overrides: Overrides, here: Here): Promise<PlannedTest> {
  const engines = emptiable(await planEngines(named, overrides, here), named.testCase.experiments);
  neededServices(engines); // for its mistakes: they are told before anything starts
  refuseSharedPlaces(engines);
  const limits = new Map(engines.map(({ name, engine, world }) => [name, contextLimit(engine, world)]));
  const batches = new Set(engines.map((engine) => engine.batch)).size;
  const titled = titledApart(named.testCase.experiments);
  const experiments = await madeOfEach(titled, (experiment) => planExperiment(experiment, limits, batches));
  const virtual = engines.every(({ engine }) => engine.launch.kind === "inProcess");
  return { name: named.name, named, engines, experiments, virtual, description: describe(named, engines, experiments, overrides) };
}

async function planEngines(named: NamedTestCase, overrides: Overrides, here: Here): Promise<readonly PlannedEngine[]> {
  const { simulate } = overrides;
  const described = await madeOfEach(Object.entries(named.testCase.engines), async ([name, engine]) => {
    const world = await worldIn(engine, named, overrides, here, name);
    engine.configuredFeatures?.(world); // for mistakes in its configuration
    return { name, world, engine: simulate === undefined ? engine : simulatedInstead(name, engine, simulate, world) };
  });
  if (described.length === 0) throw new HarnessError("usage", "it has no engine", { hint: "engines: { plain: vllm({ model }) }" });
  const slots = assignSlots(described, here.gpuIds, overrides.ports);
  return described.map((engine, index) => ({ ...engine, ...(slots[index] as (typeof slots)[number]) }));
}

/** The engine's files, and its program where it will be started. A flag that the program does not know is a mistake. */
async function worldIn(engine: Engine, { file }: NamedTestCase, { simulate }: Overrides, here: Here, name: string): Promise<World> {
  const files = await worldOf(engine, file);
  if (simulate !== undefined) return files;
  const program = await installedProgram(name, engine, files, here);
  const world = program === undefined ? files : { ...files, program };
  if (program !== undefined && "command" in engine.launch) engine.launch.command(trialSlot({ engine, world }), world);
  return world;
}

/**
 * For experiments with cold caches: what it takes is added to each engine's environment, and who has no means for it is a mistake. An engine
 * with a cache of its own and one beside it gets it in any case: to prove the second, the first must be emptied.
 */
function emptiable(engines: readonly PlannedEngine[], experiments: readonly Experiment[]): readonly PlannedEngine[] {
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
  return engines.map(withMeansToEmpty);
}

function keepsTwice({ engine, world }: PlannedEngine): boolean {
  const reuse = engine.claims?.(world).reuse;
  return reuse?.own === true && reuse.external;
}

function withMeansToEmpty(planned: PlannedEngine): PlannedEngine {
  return { ...planned, engine: withEnvironment(planned.engine, planned.engine.resets?.env ?? {}) };
}

function withEnvironment(engine: Engine, env: Readonly<Record<string, string>>): Engine {
  const { launch } = engine;
  if (launch.kind !== "process" && launch.kind !== "docker") return engine;
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
  const { services: _none, keepsOutside: _nowhere, ...alone } = engine;
  const simulation = { ...engine.simulation(gpu, world), timeScale: 1 };
  const features = [...engine.features, ...(engine.simulatedWithout?.(world) ?? [])];
  return { ...alone, features, simulated: true, gpus: 0, launch: { kind: "inProcess", simulation } };
}

function planExperiment(experiment: Experiment, limits: ReadonlyMap<string, number | undefined>, batches: number): PlannedExperiment {
  const order = experiment.order ?? (batches > 1 ? "inTurn" : "together");
  if (batches > 1 && order !== "inTurn") {
    throw new HarnessError("usage", `${experiment.title}: order ${order} needs every engine up at once, but their GPUs collide`, {
      hint: "give them GPUs of their own with --gpus, lower their GPU memory shares to 0.95 together, or leave the order out: they then run in turn",
    });
  }
  const workloads = blocksOf(experiment).map((workload) => asPrimed(experiment, workload));
  const tooLong = [...limits].flatMap(([name, limit]) => overLimit(name, limit, workloads));
  if (tooLong.length > 0) {
    throw new HarnessError("usage", `${experiment.title}: ${tooLong.join("; ")}`, {
      hint: "shorten the context, or raise the engine's limit",
    });
  }
  const [first, ...laterBlocks] = workloads.map((workload) => ({ workload, hash: workloadHash(workload) }));
  if (first === undefined) throw new Error("an experiment has at least one block");
  if (order === "interleaved" && first.workload.requests.some(({ arrival }) => arrival.kind === "after")) {
    throw new HarnessError(
      "usage",
      `${experiment.title}: order interleaved, with requests that wait for an answer (${experiment.arrivals.kind})`,
      {
        hint: "it gives each engine its share of the time between two requests, and here there is none: use together or inTurn",
      },
    );
  }
  return { experiment, ...first, order, laterBlocks };
}

/** With every context asked about beforehand, no request is the first to have its own. */
function asPrimed({ cacheState }: Experiment, workload: Workload): Workload {
  if (cacheState !== "primed") return workload;
  const requests = workload.requests.map((request) => ({
    ...request,
    reusableTokens: Math.max(request.reusableTokens, request.contextTokens),
  }));
  return { ...workload, requests };
}

function overLimit(name: string, limit: number | undefined, workloads: readonly Workload[]): readonly string[] {
  const lengths = workloads.flatMap(({ requests }) =>
    requests.map((request) => request.contextTokens + request.questionTokens + request.maxOutputTokens),
  );
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  return limit !== undefined && longest > limit
    ? [`${name} takes ${grouped(limit)} tokens, the longest request has ${grouped(longest)} with its answer`]
    : [];
}

function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

/** What it takes at most, its own limit and its simulation's. A simulated model or GPU that does not exist is a mistake before anything boots. */
function contextLimit(engine: Engine, world: World): number | undefined {
  const simulation = engine.launch.kind === "inProcess" ? engine.launch.simulation : simulationAsLaunched(engine, world);
  if (simulation === undefined) return engine.contextLimit;
  return Math.min(engine.contextLimit ?? Infinity, simulatedCore(simulation, virtualClock()).contextLimit);
}

/** Of an engine that is a simulated one by itself: its own GPU, so that none need be named. */
function simulationAsLaunched({ simulated, simulation }: Engine, world: World): SimulationOptions | undefined {
  return simulated ? simulation?.("h100", world) : undefined;
}

function describe(
  named: NamedTestCase,
  engines: readonly PlannedEngine[],
  experiments: readonly PlannedExperiment[],
  overrides: Overrides,
): TestDescription {
  const organisation = organisationOf(overrides.model);
  return {
    schema: 1,
    test: named.name,
    ...(organisation === undefined ? {} : { organisation }),
    ...(named.summary === undefined ? {} : { summary: named.summary }),
    simulated: engines.some(({ engine }) => engine.simulated),
    ...(named.testCase.baseline === undefined ? {} : { baseline: named.testCase.baseline }),
    engines: engines.map((engine) => describeEngine(engine)),
    experiments: experiments.map(describeExperiment),
  };
}

/** What is written of an engine; with its slot known, also the exact command line. */
export function describeEngine(planned: PlannedEngine, slot?: Slot): EngineDescription {
  const { name, engine, gpus, batch } = planned;
  const command = slot === undefined ? undefined : shownCommand(planned, slot);
  const environment = slot === undefined ? undefined : environmentOf(planned, slot);
  return {
    name,
    kind: engine.kind,
    model: shortModel(engine.model),
    simulated: engine.simulated,
    features: [...engine.features, ...(engine.configuredFeatures?.(planned.world) ?? [])],
    gpus,
    ...(command === undefined ? {} : { command: [command.program, ...maskedArguments(command.args)] }),
    ...(environment === undefined ? {} : { environment: { added: masked(environment.added), removed: environment.removed } }),
    ...(engine.launch.kind === "attached" ? { url: engine.launch.url } : {}),
    api: engine.wire.api,
    batch,
  };
}

/** A container's as `docker run` would be given it. */
function shownCommand(planned: PlannedEngine, slot: Slot): Command | undefined {
  return dockerCommand(planned.engine, slot, planned.world) ?? commandOf(planned, slot);
}

/** What differs from ours; a container has only what its command names. */
function environmentOf(planned: PlannedEngine, slot: Slot): EngineEnvironment | undefined {
  const command = planned.engine.launch.kind === "docker" ? undefined : commandOf(planned, slot);
  return command === undefined ? undefined : engineEnvironment(process.env, command.env, slot);
}

/** A model given as a local path goes by its base name. */
function shortModel(model: string): string {
  return isAbsolute(model) || model.startsWith(".") ? (model.split("/").findLast((part) => part !== "") ?? model) : model;
}

function describeExperiment({ experiment, workload, hash, order, laterBlocks }: PlannedExperiment): ExperimentDescription {
  const later = laterBlocks.length === 0 ? {} : { laterBlocks: laterBlocks.map((block) => block.hash) };
  return {
    title: experiment.title,
    workload: { kind: workload.kind, options: workload.options, hash, requests: workload.requests.length, ...later },
    arrivals: { kind: experiment.arrivals.kind, options: experiment.arrivals.options },
    order,
    repeats: experiment.repeats,
    seed: experiment.seed,
    deadlines: experiment.deadlines,
    ...(experiment.cacheState === undefined ? {} : { cacheState: experiment.cacheState }),
    ...(experiment.limits === undefined ? {} : { limits: experiment.limits }),
    ...(experiment.margin === undefined ? {} : { margin: experiment.margin }),
  };
}
