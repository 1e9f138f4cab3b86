import { neededServices } from "../launch/neededServices.ts";
import { refuseUnreachable } from "../launch/reachableServices.ts";
import { masks } from "../launch/secrets.ts";
import { refuseSharedPlaces } from "../launch/sharedPlaces.ts";
import { oneServerReasons } from "../measure/oneServer.ts";
import type { Command, Slot } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { TestDescription } from "../model/result.ts";
import type { Place } from "../model/running.ts";
import type { Checks } from "../model/testCase.ts";
import { isStarted } from "../model/startedLaunch.ts";
import { apart, mistakesIn, together } from "./mistakes.ts";
import { gpusFor, refuseTwice, unseenGpus } from "./namedGpus.ts";
import type { Overrides } from "./params.ts";
import { emptiable, planEngines, type Here, type PlannedEngine, type PlannedEngines } from "./planEngines.ts";
import { refuseUnsoundChecks } from "./refuseUnsoundChecks.ts";
import { tooFewForChecks } from "./tooFewForChecks.ts";
import { tooFewForVerdicts } from "./tooFewForVerdicts.ts";
import { SentToServers } from "./sentToServers.ts";
import { entriesIn, triedOften } from "./triedChecks.ts";
import { leftOutWith, overridden, type NamedTestCase } from "./testCases.ts";
import { describeTest } from "./describePlan.ts";
import { doubtful, planExperiments, unusuallyLong, type PlannedExperiment } from "./planExperiments.ts";

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
  const leftOut = cases.flatMap((named) => leftOutWith(named, overrides));
  const doubts = tests.flatMap((test) =>
    [unusuallyLong, doubtful, unmeant, askedAgain, ofOneServer, unmetForWant].flatMap((found) => found(test)),
  );
  for (const message of new Set([...leftOut, ...doubts])) tell?.(`warning: ${message}`);
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
  const { experiments, mistakes: ofExperiments } = await planExperiments(named, engines, overrides, sentToAttached);
  const looks = [
    () => neededServices(engines),
    () => refuseUnreachable(engines),
    ...(checks === undefined ? [] : [() => refuseUnsoundChecks(checks, Object.keys(named.testCase.engines), experiments)]),
  ];
  const mistakes = [...looks.flatMap(mistakesIn), ...(await refuseSharedPlaces(engines).then(() => [], apart)), ...ofExperiments];
  if (mistakes.length > 0) throw together(mistakes);
  const virtual = engines.every(({ engine }) => engine.launch.kind === "inProcess");
  return { name: named.name, named, engines, experiments, virtual, description: describeTest(named, engines, experiments, overrides) };
}

function returnNone(checks: Checks<string>, engines: readonly string[]): boolean {
  return triedOften(checks, engines).every(({ given }) => given !== undefined && entriesIn(given.value).size === 0);
}

/** Workloads that may not be what their author meant. */
function unmeant({ name, experiments }: PlannedTest): readonly string[] {
  return experiments.flatMap(({ experiment: { title, workload } }) =>
    workload.doubt === undefined ? [] : [`${name}: ${title}: ${workload.doubt}`],
  );
}

/** A generator that forgets which block it is asked for looks like a log, and leaves later blocks nothing cold. */
function askedAgain({ name, experiments }: PlannedTest): readonly string[] {
  return experiments.flatMap(({ experiment: { title, cacheState = "asItIs" }, workload, laterBlocks }) => {
    const [first, later] = [workload, laterBlocks[0]?.workload].map((block) => JSON.stringify(block?.requests[0]?.messages));
    if (first !== later || cacheState !== "asItIs") return [];
    return `${name}: ${title}: every block has the prompts of the first, so that only its own can be cold: draw them by generate()'s block, or, where they are a log's, say cacheState: "cold"`;
  });
}

/** What the report would say of it comes after the whole run. */
function ofOneServer({ name, description: { engines, experiments } }: PlannedTest): readonly string[] {
  const reasons = experiments.flatMap((experiment) => oneServerReasons(engines, experiment));
  return reasons.map(({ state, what, advice }) => `${name} will be ${state}: ${what}; ${advice}`);
}

/** Checks and verdicts that want more requests than there are. */
function unmetForWant({ name, named: { testCase }, experiments }: PlannedTest): readonly string[] {
  const { checks, engines } = testCase;
  const names = Object.keys(engines);
  const ofChecks = checks === undefined ? [] : tooFewForChecks(checks, names, experiments);
  const none = checks !== undefined && returnNone(checks, names) ? ["its checks returned none: nothing will be checked"] : [];
  const ofVerdicts = names.length < 2 ? [] : tooFewForVerdicts(name, experiments);
  return [...none, ...ofChecks, ...ofVerdicts].map((message) => `${name}: ${message}`);
}
