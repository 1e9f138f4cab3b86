import { isAbsolute } from "node:path";

import { interleaved, inTurn, together as atTheSameTime, type Phase, type Turn } from "../load/order.ts";
import { workloadHash } from "../journal/workloadHash.ts";
import { engineEnvironment, masked, type EngineEnvironment } from "../launch/environment.ts";
import { neededServices } from "../launch/neededServices.ts";
import { refuseUnreachable } from "../launch/reachableServices.ts";
import { maskedArguments, masks } from "../launch/secrets.ts";
import { refuseSharedPlaces } from "../launch/sharedPlaces.ts";
import { limits as validityLimits } from "../measure/validityLimits.ts";
import type { Command, Engine, SimulationOptions, Slot, World } from "../model/engine.ts";
import type { Experiment, Order } from "../model/experiment.ts";
import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { EngineDescription, ExperimentDescription, TestDescription } from "../model/result.ts";
import type { Place } from "../model/running.ts";
import { isContained, isStarted } from "../model/startedLaunch.ts";
import type { Seconds } from "../model/time.ts";
import type { Options, Workload } from "../model/workload.ts";
import { virtualClock } from "../host/virtualClock.ts";
import { simulatedCore } from "../simulation/core.ts";
import { blocksOf, SentPrompts } from "../workloads/blocks.ts";
import { notedArrivals } from "../workloads/notedArrivals.ts";
import { asMistake } from "./asMistake.ts";
import { doubtOnText, longestSent, longestTokens } from "./contextLimit.ts";
import { launchers } from "./launchers.ts";
import { apart, madeOfEach, mistakesIn, together } from "./mistakes.ts";
import { areText } from "./promptForm.ts";
import { gpusFor, refuseTwice, unseenGpus } from "./namedGpus.ts";
import { organisationOf, type Overrides } from "./params.ts";
import { emptiable, planEngines, type Here, type PlannedEngine, type PlannedEngines } from "./planEngines.ts";
import { refuseUnsoundChecks } from "./refuseUnsoundChecks.ts";
import { tooFewForChecks } from "./tooFewForChecks.ts";
import { SentToServers } from "./sentToServers.ts";
import { overridden, type NamedTestCase } from "./testCases.ts";
import { titledApart } from "./titles.ts";

/** What one block sends. */
export interface PlannedBlock {
  readonly workload: Workload;
  readonly hash: string;
}

/** With what its first block sends. */
export interface PlannedExperiment extends PlannedBlock {
  readonly experiment: Experiment;
  /** When its requests are due, in words: not as it was asked where the workload has times of its own. */
  readonly arrivals: ExperimentDescription["arrivals"];
  readonly order: Order;
  readonly laterBlocks: readonly PlannedBlock[];
  /** Its prompts go as text, also to engines that take token ids. */
  readonly asText: boolean;
  /** Engines that had noticeably more of its prompts from tests before than others of it. */
  readonly askedBefore: readonly string[];
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

/** Plans test cases; boots nothing. Mistakes of all of them are told together, and with them what else is in the way. */
export async function planTests(
  cases: readonly NamedTestCase[],
  overrides: Overrides,
  place: Place,
  { tell, mistakes = [], inTheWay = async () => undefined }: PlanningOptions = {},
): Promise<readonly PlannedTest[]> {
  const here = await place.gpus();
  const gpuIds = gpusFor(overrides, here);
  const attempts: Attempt[] = [];
  const sent = cases.length > 1 ? new SentToServers() : undefined;
  for (const named of cases) {
    attempts.push(await planTest(named, overrides, { gpuIds, place, ...(tell === undefined ? {} : { tell }) }, sent));
  }
  const found = [...mistakes, ...mistakesIn(() => refuseTwice(gpuIds, overrides)), ...attempts.flatMap((attempt) => attempt.mistakes)];
  if (found.length > 0) throw together(found, await inTheWay(attempts));
  const engines = attempts.flatMap((attempt) => attempt.engines);
  if (here.length === 0 && engines.some(({ gpus }) => gpus.length > 0)) tell?.(`warning: ${unseenGpus(gpuIds)}`);
  const tests = attempts.flatMap(({ test }) => test ?? []);
  for (const message of new Set(tests.flatMap((test) => [...unusuallyLong(test), ...doubtful(test), ...unmetForWant(test)])))
    tell?.(`warning: ${message}`);
  return tests;
}

/** What came of planning a test. */
interface Attempt extends PlannedEngines {
  readonly name: string;
  /** Where there are no mistakes. */
  readonly test?: PlannedTest;
}

export interface PlanningOptions {
  /** Told what takes long, and what cannot be known. */
  readonly tell?: (message: string) => void;
  /** Made before, to be told together with those of the plan. */
  readonly mistakes?: readonly HarnessError[];
  /** Asked where there are mistakes: what else keeps these tests from starting. */
  readonly inTheWay?: (
    tests: readonly (Omit<PlannedEngines, "mistakes"> & { readonly name: string })[],
  ) => Promise<HarnessError | undefined>;
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
  return phases.reduce((sum, phase) => sum + phase.reduce((last, { due = 0 }) => Math.max(last, due), 0), 0);
}

/** The command an engine is started with in a slot; undefined for engines that nobody starts. */
export function commandOf({ engine, world }: PlannedEngine, slot: Slot): Command | undefined {
  return isStarted(engine.launch) ? engine.launch.command(slot, world) : undefined;
}

/** The files it is started with, without the passwords of URLs in them. */
export function shownFilesOf(planned: PlannedEngine, slot: Slot): readonly (readonly [name: string, content: string])[] {
  return Object.entries(commandOf(planned, slot)?.files ?? {}).map(([name, content]) => [name, masks(content)]);
}

/** `sentToAttached`: by tests before, to servers that stay up from one to the next. */
async function planTest(
  named: NamedTestCase,
  overrides: Overrides,
  here: Here,
  sentToAttached: SentToServers | undefined,
): Promise<Attempt> {
  let found: PlannedEngines = { engines: [], mistaken: [], mistakes: [] };
  const attempt = (more: readonly HarnessError[] = []): Attempt => {
    return { ...found, name: named.name, mistakes: [...found.mistakes, ...more].map((mistake) => of(named, mistake)) };
  };
  try {
    const asked = overridden(named, overrides);
    const changed = sentToAttached?.withUnseenSeeds(asked) ?? asked;
    found = await planEngines(changed, overrides, here);
    // Also without the engines that have mistakes: the others may have some together, and so may experiments.
    const test = await testOf(changed, found.engines, overrides, sentToAttached);
    return found.mistakes.length === 0 ? { ...attempt(), test } : attempt();
  } catch (error) {
    return attempt(apart(error));
  }
}

async function testOf(
  named: NamedTestCase,
  planned: readonly PlannedEngine[],
  overrides: Overrides,
  sentToAttached: SentToServers | undefined,
): Promise<PlannedTest> {
  const engines = emptiable(planned, named.testCase.experiments);
  const { checks } = named.testCase;
  const looks = [
    () => neededServices(engines),
    () => refuseUnreachable(engines),
    ...(checks === undefined ? [] : [() => refuseUnsoundChecks(checks, Object.keys(named.testCase.engines))]),
  ];
  const { experiments, mistakes: ofExperiments } = await planExperiments(named, engines, overrides, sentToAttached);
  const mistakes = [...looks.flatMap(mistakesIn), ...(await refuseSharedPlaces(engines).then(() => [], apart)), ...ofExperiments];
  if (mistakes.length > 0) throw together(mistakes);
  const virtual = engines.every(({ engine }) => engine.launch.kind === "inProcess");
  return { name: named.name, named, engines, experiments, virtual, description: describe(named, engines, experiments, overrides) };
}

interface PlannedExperiments {
  readonly experiments: readonly PlannedExperiment[];
  readonly mistakes: readonly HarnessError[];
}

async function planExperiments(
  { testCase }: NamedTestCase,
  engines: readonly PlannedEngine[],
  { requests }: Overrides,
  sentToAttached: SentToServers | undefined,
): Promise<PlannedExperiments> {
  try {
    const sent = sentToAttached?.historiesOf(engines) ?? historiesOf(testCase.experiments, engines);
    const limits = engines.map(({ name, engine, world }) => ({
      name,
      limit: contextLimit(engine, world),
      countsAsWe: countsAsWe(engine),
    }));
    const batches = new Set(engines.map((engine) => engine.batch)).size;
    const titled = titledApart(testCase.experiments);
    return {
      experiments: await madeOfEach(titled, (experiment) => planExperiment(experiment, { limits, batches, requests, sent })),
      mistakes: [],
    };
  } catch (error) {
    return { experiments: [], mistakes: apart(error) };
  }
}

/** Engines that are started for a test have nothing but what its experiments send to all of them. */
function historiesOf(experiments: readonly Experiment[], engines: readonly PlannedEngine[]): Planning["sent"] {
  const sent = new SentPrompts();
  return new Map(experiments.length === 1 ? [] : engines.map(({ name }) => [name, sent]));
}

interface Limit {
  /** The engine's. */
  readonly name: string;
  readonly limit: number | undefined;
  readonly countsAsWe: boolean;
}

interface Planning {
  readonly limits: readonly Limit[];
  readonly batches: number;
  /** That --requests asks for. */
  readonly requests: number | undefined;
  /** What each engine's caches have of experiments before; empty where there were none. */
  readonly sent: ReadonlyMap<string, SentPrompts>;
}

function planExperiment(experiment: Experiment, { limits, batches, requests, sent }: Planning): PlannedExperiment {
  const order = experiment.order ?? (batches > 1 ? "inTurn" : "together");
  if (batches > 1 && order !== "inTurn") {
    throw new HarnessError("usage", `${experiment.title}: order ${order} needs every engine up at once, but their GPUs collide`, {
      hint: "give them GPUs of their own with --gpus, lower their GPU memory shares to 0.95 together, or leave the order out: they then run in turn",
    });
  }
  const noted = notedArrivals(experiment.arrivals);
  const before = tokensFound(sent);
  const blocks = soundBlocksOf({ ...experiment, arrivals: noted.arrivals }, [...new Set(sent.values())]);
  const noticed = validityLimits.coldCached.degraded * promptTokens(blocks);
  const askedBefore = experiment.cacheState === "primed" ? [] : ahead(before, tokensFound(sent), noticed);
  const workloads = blocks.map((workload) => asPrimed(experiment, workload));
  refuseOtherCount(experiment, workloads, requests);
  const asText = areText(workloads);
  const tooLong = limits.filter(({ countsAsWe }) => countsAsWe || !asText).flatMap((limit) => overLimit(limit, workloads));
  if (tooLong.length > 0) {
    throw new HarnessError("usage", `${experiment.title}: ${tooLong.join("; ")}`, {
      hint: "shorten the context, or raise the engine's limit",
    });
  }
  const [first, ...laterBlocks] = workloads.map((workload) => ({ workload, hash: workloadHash(workload) }));
  if (first === undefined) throw new Error("an experiment has at least one block");
  // Options of an author's own are looked at by experiment(), and those that generate() gives with its requests.
  const { kind, options, phrase } = noted.areThoseOf(first.workload) ? experiment.arrivals : ownTimes;
  if (order === "interleaved" && first.workload.requests.some(({ arrival }) => arrival.kind === "after")) {
    throw new HarnessError("usage", `${experiment.title}: order interleaved, with requests that wait for an answer (arrivals ${kind})`, {
      hint: "it gives each engine its share of the time between two requests, and here there is none: use together or inTurn",
    });
  }
  const described = { kind, options: options as Options, ...(phrase === undefined ? {} : { phrase }) };
  return { experiment, ...first, arrivals: described, order, laterBlocks, asText, askedBefore };
}

type TokensFound = readonly (readonly [engine: string, tokens: number])[];

function tokensFound(sent: Planning["sent"]): TokensFound {
  return [...sent].map(([engine, { tokensFound }]) => [engine, tokensFound]);
}

function promptTokens(blocks: readonly Workload[]): number {
  const lengths = blocks.flatMap(({ requests }) => requests.map(({ contextTokens, questionTokens }) => contextTokens + questionTokens));
  return lengths.reduce((sum, length) => sum + length, 0);
}

/** Engines for which so much more was found meanwhile than for another. */
function ahead(before: TokensFound, after: TokensFound, noticed: number): readonly string[] {
  const found = after.map(([engine, tokens], index) => ({ engine, tokens: tokens - (before[index]?.[1] ?? 0) }));
  const least = found.reduce((least, { tokens }) => Math.min(least, tokens), Infinity);
  return found.filter(({ tokens }) => tokens > least + noticed).map(({ engine }) => engine);
}

/** Reads as "arrivals of the workload's own". */
const ownTimes: ExperimentDescription["arrivals"] = { kind: "of the workload's own", options: {} };

function soundBlocksOf(experiment: Experiment, sent: readonly SentPrompts[]): readonly Workload[] {
  try {
    return sent.length === 0 ? blocksOf(experiment) : blocksOf(experiment, sent);
  } catch (error) {
    throw error instanceof HarnessError ? asMistake(experiment.title, error) : error;
  }
}

/** A workload of an author's own may be resized to something else than was asked. */
function refuseOtherCount({ title, workload }: Experiment, [first]: readonly Workload[], asked: number | undefined): void {
  const given = first?.requests.length;
  if (asked === undefined || given === asked) return;
  throw new HarnessError(
    "usage",
    `${title}: --requests ${asked} asks workload ${workload.kind} for ${grouped(asked)} requests, and resized(${asked}) has ${given}`,
    { hint: "resized(requests) has to return the same workload with exactly so many requests; or leave --requests out" },
  );
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

function overLimit({ name, limit }: Limit, workloads: readonly Workload[]): readonly string[] {
  const longest = longestTokens(workloads);
  return limit !== undefined && longest > limit
    ? [`${name} takes ${grouped(limit)} tokens, the longest request has ${grouped(longest)} with its answer`]
    : [];
}

/** Checks that want figures of more requests than there are. */
function unmetForWant({ name, named: { testCase }, experiments }: PlannedTest): readonly string[] {
  const { checks, engines } = testCase;
  if (checks === undefined) return [];
  return tooFewForChecks(checks, Object.keys(engines), experiments).map((message) => `${name}: ${message}`);
}

/** Longer than an engine's model usually takes, where nobody has said what the engine takes. */
function unusuallyLong({ engines, experiments }: PlannedTest): readonly string[] {
  return engines.flatMap(({ name, engine: { model, contextLimit: told, usualLimit, launch } }) => {
    if (told !== undefined || usualLimit === undefined || launch.kind === "inProcess") return [];
    const longest = longestSent(experiments.filter(({ asText }) => !asText));
    if (longest <= usualLimit) return [];
    return `${name}: ${shortModel(model)} usually takes ${grouped(usualLimit)} tokens, the longest request has ${grouped(longest)} with its answer; the engine is asked for its limit before anything is sent`;
  });
}

/** Text of an author's own may be longer than an engine takes, and is not where its tokenizer makes few enough tokens of it. */
function doubtful({ engines, experiments }: PlannedTest): readonly string[] {
  return engines.flatMap(({ name, engine }) => (countsAsWe(engine) ? [] : (doubtOnText(name, engine.contextLimit, experiments) ?? [])));
}

/** A simulated engine has our vocabulary. */
function countsAsWe({ simulated, launch }: Engine): boolean {
  return simulated || launch.kind === "inProcess";
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
    ...(named.testCase.checks === undefined ? {} : { checks: true }),
  };
}

/** Where an engine is to be started. */
interface Start {
  readonly slot: Slot;
  readonly place: Place;
}

/** What is written of an engine; where its start is known, also the exact command line. */
export function describeEngine(planned: PlannedEngine, start?: Start): EngineDescription {
  const { name, engine, gpus, batch } = planned;
  const command = start === undefined ? undefined : launchers(start.place)[engine.launch.kind].started({ ...planned, slot: start.slot });
  const environment = start === undefined || command === undefined ? undefined : environmentOf(engine, command, start.slot);
  return {
    name,
    kind: engine.kind,
    model: shortModel(engine.model),
    simulated: engine.simulated,
    features: [...engine.features, ...(engine.configuredFeatures?.(planned.world) ?? [])],
    gpus,
    ...(command === undefined ? {} : { command: [command.program, ...maskedArguments(command.args)] }),
    ...(environment === undefined ? {} : { environment: { added: masked(environment.added), removed: environment.removed } }),
    ...(engine.launch.kind === "attached" ? { url: masks(engine.launch.url) } : {}),
    api: engine.wire.api,
    ...(engine.wire.fixesLength ? { lengths: "fixed" } : {}),
    batch,
  };
}

/** What differs from ours; a container has only what its command names. */
function environmentOf({ launch }: Engine, { env }: Command, slot: Slot): EngineEnvironment | undefined {
  return isContained(launch) ? undefined : engineEnvironment(process.env, env, slot);
}

/** A model given as a local path goes by its base name. */
function shortModel(model: string): string {
  return isAbsolute(model) || model.startsWith(".") ? (model.split("/").findLast((part) => part !== "") ?? model) : model;
}

/** The built-in vocabulary does not know how many tokens an author's text has: nobody asked for a length of it. */
function limitsOf({ limits }: Experiment, asText: boolean): Pick<ExperimentDescription, "limits"> {
  if (asText) return { limits: { promptLength: false, ...limits } };
  return limits === undefined ? {} : { limits };
}

function describeExperiment(planned: PlannedExperiment): ExperimentDescription {
  const { experiment, workload, hash, arrivals, order, laterBlocks, asText, askedBefore } = planned;
  const later = laterBlocks.length === 0 ? {} : { laterBlocks: laterBlocks.map((block) => block.hash) };
  return {
    title: experiment.title,
    workload: { kind: workload.kind, options: workload.options as Options, hash, requests: workload.requests.length, ...later },
    arrivals,
    ...(asText ? { prompts: "text" } : {}),
    order,
    repeats: experiment.repeats,
    seed: experiment.seed,
    deadlines: experiment.deadlines,
    ...(experiment.cacheState === undefined ? {} : { cacheState: experiment.cacheState }),
    ...limitsOf(experiment, asText),
    ...(experiment.margin === undefined ? {} : { margin: experiment.margin }),
    ...(experiment.slo === undefined ? {} : { slo: experiment.slo }),
    ...(askedBefore.length === 0 ? {} : { askedBefore }),
  };
}
