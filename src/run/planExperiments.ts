import { interleaved, inTurn, together as atTheSameTime } from "../load/order.ts";
import type { Phase, Turn } from "../load/phase.ts";
import { workloadHash } from "../journal/workloadHash.ts";
import { limits as validityLimits } from "../measure/validityLimits.ts";
import type { Engine, SimulationOptions, World } from "../model/engine.ts";
import type { Experiment, Order } from "../model/experiment.ts";
import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { ExperimentDescription } from "../model/result.ts";
import type { Seconds } from "../model/time.ts";
import type { Options, Workload } from "../model/workload.ts";
import { virtualClock } from "../host/virtualClock.ts";
import { simulatedCore } from "../simulation/core.ts";
import { blocksOf, SentPrompts } from "../workloads/blocks.ts";
import { notedArrivals } from "../workloads/notedArrivals.ts";
import { asMistake } from "./asMistake.ts";
import { doubtOnText, longestSent, longestTokens } from "./contextLimit.ts";
import { apart, madeOfEach } from "./mistakes.ts";
import { areText } from "./promptForm.ts";
import type { Overrides } from "./params.ts";
import type { PlannedEngine } from "./planEngines.ts";
import { SentToServers } from "./sentToServers.ts";
import type { NamedTestCase } from "./testCases.ts";
import { shortModel } from "./shortModel.ts";
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

/** What that would be of answers that take no time: pauses alone. */
export function pauses(phases: readonly Phase[]): Seconds {
  return phases.reduce((sum, phase) => sum + lastWithoutAnswers(phase), 0);
}

function lastWithoutAnswers(phase: Phase): Seconds {
  const dues = new Map<string, Seconds>();
  const keyOf = ({ engine, block }: Turn, request: number) => `${request} ${block} ${engine}`;
  return phase.reduce((last, turn) => {
    const { id, arrival } = turn.request;
    const due = turn.due ?? (arrival.kind === "after" ? (dues.get(keyOf(turn, arrival.request)) ?? 0) + arrival.pause : 0);
    dues.set(keyOf(turn, id), due);
    return Math.max(last, due);
  }, 0);
}

export interface PlannedExperiments {
  readonly experiments: readonly PlannedExperiment[];
  readonly mistakes: readonly HarnessError[];
}

/** Plans the experiments of a test, or says what is wrong with each. */
export async function planExperiments(
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
      hint: "engines alternate within the time between two requests, which depends on the answers here: use together or inTurn",
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

/** Engines and what is planned for them. */
interface Planned {
  readonly engines: readonly PlannedEngine[];
  readonly experiments: readonly PlannedExperiment[];
}

/** Longer than an engine's model usually takes, where nobody has said what the engine takes. */
export function unusuallyLong({ engines, experiments }: Planned): readonly string[] {
  return engines.flatMap(({ name, engine: { model, contextLimit: told, usualLimit, launch } }) => {
    if (told !== undefined || usualLimit === undefined || launch.kind === "inProcess") return [];
    const longest = longestSent(experiments.filter(({ asText }) => !asText));
    if (longest <= usualLimit) return [];
    return `${name}: ${shortModel(model)} usually takes ${grouped(usualLimit)} tokens, the longest request has ${grouped(longest)} with its answer; the engine is asked for its limit before anything is sent`;
  });
}

/** Text of an author's own may be longer than an engine takes, and is not where its tokenizer makes few enough tokens of it. */
export function doubtful({ engines, experiments }: Planned): readonly string[] {
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
