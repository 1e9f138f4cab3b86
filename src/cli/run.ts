import { randomBytes } from "node:crypto";
import { resolve } from "node:path";

import { fileLimit } from "../host/openFiles.ts";
import { realClock, type RealClock } from "../host/realClock.ts";
import { processTerminal } from "../host/terminal.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { virtualClock } from "../host/virtualClock.ts";
import { aftermathFiles, runDirectory, testDirectory } from "../journal/paths.ts";
import { readTest } from "../journal/read.ts";
import { openJournal, writeManifest, type JournalWriter } from "../journal/write.ts";
import { figuresOf, summariesOf } from "../measure/testFigures.ts";
import { evaluate } from "../measure/verdicts.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Terminal } from "../model/host.ts";
import type { RunManifest, TestResult } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Place } from "../model/running.ts";
import type { LoadCrew } from "../run/loadCrew.ts";
import { manifestOf } from "../run/manifest.ts";
import { organisationOf } from "../run/params.ts";
import type { PlannedTest } from "../run/plan.ts";
import { blockedOf, blockedTogether, rememberedBlocked, type Blocked } from "../run/prepare.ts";
import { probesFor } from "../run/probes.ts";
import { promisedChecks } from "../run/promisedChecks.ts";
import { runTest, type TestEnding } from "../run/runTest.ts";
import { tellOfLastRun } from "./aftermath.ts";
import { going, tellWhereItLies } from "./ending.ts";
import { codeAfter, explain } from "./explain.ts";
import { codeOf, failsOnWorse, worst } from "./exitCode.ts";
import type { Call } from "./flags.ts";
import { interruption, type Interruption } from "./interruption.ts";
import { list } from "./list.ts";
import { movedSeeds } from "./movedSeeds.ts";
import { mistakesOfOutputDir } from "./outputPlace.ts";
import { progress, type Progress } from "./progress.ts";
import { publish } from "./publish.ts";
import { baseName, copyReports, leftAsTheyAre, refuseDirectoriesInTheWay, writeReports } from "./reporting.ts";
import { overridesOf, shaped } from "./shaping.ts";
import { unrunOf, writeUnrun, type Unrun } from "./unrun.ts";

interface Session {
  readonly terminal: Terminal;
  readonly place: Place;
  readonly clock: RealClock;
  /** Undefined where everything is in virtual time. */
  readonly crew: LoadCrew | undefined;
  readonly run: string;
  readonly output: string;
  readonly interrupted: Interruption;
  readonly telling: Telling;
  readonly progress: Progress;
  readonly failOnWorse: boolean;
  readonly asJson: boolean;
  readonly calibrates: boolean;
  readonly journalOnly: boolean;
}

/** Where an interruption is told: in the journal of the test that is being run too, where there is one. */
interface Telling {
  tell: (event: RunEvent) => void;
}

/** `tandem run FILE`: plan, boot, play, report; the exit code says how far to believe it. */
export async function run(call: Call, crew: LoadCrew | undefined): Promise<number> {
  await using _disposed = crew;
  if (call.options["list"] === true) return list(call);
  const terminal = processTerminal();
  const place = thisMachine();
  const output = (call.options["outputDir"] as string | undefined) ?? "outputs";
  const shaping = async () => shaped(call, place, { before: [...tooFewFiles(), ...mistakesOfOutputDir(call)], connects: true });
  const { tests, skipped, without } = await (crew === undefined ? shaping() : crew.asideWhile(shaping));
  for (const name of skipped) terminal.tell(`${name}: skipped, it returns []`);
  refuseDirectoriesInTheWay(
    tests.map(({ description }) => description),
    output,
  );
  if (failsOnWorse(call))
    for (const name of withoutComparison(tests))
      terminal.tell(`warning: --fail-on worse: ${name} has one engine, and nothing to compare it with`);
  const shown = progress(terminal);
  const blocked = await blockedOf(tests, { place, tell: (event) => shown.tell(event), connects: true });
  await tellOfLastRun(output, terminal);
  const begun = await without(blocked.map(({ test }) => test));
  const { directory, manifest } = await openRun(output, { tests, blocked, skipped }, call, place);
  const clock = crew?.clock ?? realClock();
  const telling: Telling = { tell: (event) => shown.tell(event) };
  const goingOn = { directory, cleared: () => shown.done() };
  using _left = going(goingOn);
  using interrupted = interruption((event) => telling.tell(event), { leaving: () => tellWhereItLies(goingOn) });
  const session: Session = {
    terminal,
    place,
    clock,
    crew,
    run: directory,
    output,
    interrupted,
    telling,
    progress: shown,
    failOnWorse: failsOnWorse(call),
    asJson: call.options["json"] === true,
    calibrates: call.options["calibration"] !== false,
    journalOnly: call.options["journalOnly"] === true,
  };
  const codes = blocked.length === 0 ? [] : [explain(blockedTogether(blocked), terminal)];
  codes.push(await reportUnrun(unrunOf(manifest, [], { isOver: false }), manifest, session));
  const names: string[] = [];
  for (const test of begun) {
    if (interrupted.stop.aborted) break;
    names.push(test.name);
    for (const message of movedSeeds(test, call.options["seed"])) terminal.tell(message);
    codes.push(await runOne(test, session));
  }
  shown.done();
  if (interrupted.stop.aborted) {
    const left = unrunOf(manifest, names, { isOver: true }).filter(({ test }) => begun.some(({ name }) => name === test));
    for (const { line } of left) terminal.tell(line);
    codes.push(130, await reportUnrun(left, manifest, session));
  }
  return worst(codes);
}

/** Below this even one engine and a few requests may run out of them, at any point. */
const fewestFiles = 128;

function tooFewFiles(): readonly HarnessError[] {
  const limit = fileLimit();
  if (limit >= fewestFiles) return [];
  return [
    new HarnessError("usage", `no more than ${limit} files may be open, too few for a run`, {
      hint: "raise the limit in this shell: ulimit -n 65536",
    }),
  ];
}

function withoutComparison(tests: readonly PlannedTest[]): readonly string[] {
  return tests.filter(({ engines }) => engines.length < 2).map(({ name }) => name);
}

interface Asked {
  readonly tests: readonly PlannedTest[];
  readonly blocked: readonly Blocked[];
  readonly skipped: readonly string[];
}

/** Makes the run's directory, with what the run is remembered by: also where no test can be run, or `report` would tell of the run before. */
async function openRun(
  output: string,
  { tests, blocked, skipped }: Asked,
  call: Call,
  place: Place,
): Promise<{ readonly directory: string; readonly manifest: RunManifest }> {
  const startedAt = new Date();
  const simulated = tests.some((test) => test.description.simulated);
  const organisation = organisationOf(overridesOf(call.options).model);
  const failOn = failsOnWorse(call) ? ({ failOn: "worse" } as const) : {};
  const asked = {
    tests: tests.map(({ name }) => name),
    ...(blocked.length === 0 ? {} : { blocked: blocked.map((one) => ({ ...rememberedBlocked(one), simulated: isSimulated(one, tests) })) }),
    ...(skipped.length === 0 ? {} : { skipped }),
    ...(organisation === undefined ? {} : { organisation }),
    simulated,
    startedAt,
    ...failOn,
  };
  const manifest = await manifestOf(["tandem", ...call.argv], asked, place);
  const directory = runDirectory(output, startedAt, randomBytes(2).toString("hex"));
  writeManifest(directory, manifest);
  return { directory, manifest };
}

function isSimulated({ test }: Blocked, tests: readonly PlannedTest[]): boolean {
  return tests.some(({ name, description }) => name === test && description.simulated);
}

async function reportUnrun(
  tests: readonly Unrun[],
  manifest: RunManifest,
  { run: directory, output, terminal, asJson, journalOnly }: Session,
): Promise<number> {
  if (journalOnly) return 0;
  return codeAfter(async () => {
    const paths = await writeUnrun(tests, manifest, { run: directory, copies: output, tell: (line) => terminal.tell(line) });
    for (const path of asJson ? [] : paths) terminal.print(path);
  }, terminal);
}

async function runOne(planned: PlannedTest, session: Session): Promise<number> {
  const { terminal, interrupted } = session;
  const directory = testDirectory(session.run, planned.name);
  const clock = planned.virtual ? virtualClock() : session.clock;
  const calibrates = session.calibrates && !planned.virtual;
  const calibration = planned.virtual ? "virtual" : calibrates ? "on" : "off";
  const journal = openJournal(directory, { virtual: planned.virtual });
  const tell = (event: RunEvent) => {
    journal.event(clock.now(), event);
    session.progress.tell(event);
  };
  if (!planned.virtual) session.place.afterUs?.tellIn({ files: aftermathFiles(resolve(directory)), origin: session.clock.origin });
  const besides = session.telling.tell;
  session.telling.tell = tell;
  let ending: TestEnding;
  try {
    ending = await runTest(
      { ...planned, description: { ...planned.description, calibration } },
      {
        clock,
        ...(planned.virtual || session.crew === undefined ? {} : { crew: session.crew }),
        ...(calibrates ? { calibrateOn: session.clock } : {}),
        place: session.place,
        journal,
        directory,
        tell,
        probes: planned.virtual ? [] : await probesFor(clock, session.place),
        stop: interrupted.stop,
        kill: interrupted.kill,
        experimentDone: async (experiment) => {
          await judge(experiment, planned, directory, journal, session);
          journal.event(clock.now(), { kind: "judged", experiment });
        },
      },
    );
  } finally {
    session.telling.tell = besides;
    session.place.afterUs?.tellIn(undefined);
    journal.close();
  }
  session.progress.done();
  const code = await reportOn(directory, session);
  return ending.kind === "stopped" ? worst([explain(ending.error, terminal), code]) : code;
}

/** Evaluates an experiment's checks into the journal, and writes what there is so far: nothing is lost if the rest is. */
async function judge(experiment: number, planned: PlannedTest, directory: string, journal: JournalWriter, session: Session): Promise<void> {
  const { checks, engines } = planned.named.testCase;
  const asked = planned.experiments[experiment];
  const isLast = experiment === planned.experiments.length - 1;
  if (checks === undefined && (planned.virtual || isLast)) return;
  const result = await readTest(directory);
  const measured = result.experiments[experiment];
  const verdicts =
    checks === undefined || measured === undefined || asked === undefined
      ? []
      : evaluate(checks, summariesOf(measured, result), experiment, promisedChecks(checks, Object.keys(engines), asked));
  if (checks !== undefined) journal.verdicts(verdicts);
  if (planned.virtual || isLast || session.journalOnly) return;
  try {
    await copyReports(await writeReports({ ...result, verdicts: [...result.verdicts, ...verdicts] }, directory), session.output);
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    // Nothing is lost: they are written again when the test has ended, and that is tried, and told, then.
    session.telling.tell({ kind: "warning", message: error.message });
  }
}

function isMeasured({ experiments }: TestResult): boolean {
  return experiments.some(({ records }) => records.some(({ sent }) => sent !== undefined));
}

async function reportOn(directory: string, { terminal, output, failOnWorse, asJson, journalOnly }: Session): Promise<number> {
  const result = await readTest(directory);
  const figures = figuresOf(result);
  const write = async () => {
    if (journalOnly) return [directory];
    const written = await writeReports(result, directory, { copies: output });
    if (isMeasured(result)) return copyReports(written, output);
    // The latest copies are of a run that measured something; what came of this one is for whoever reads the XML to know.
    for (const line of leftAsTheyAre(baseName(result), output)) terminal.tell(`  ${line}`);
    const isXml = (path: string) => path.endsWith(".xml");
    return [...written.filter((path) => !isXml(path)), ...(await copyReports(written.filter(isXml), output))];
  };
  return worst([
    await codeAfter(async () => publish(result, figures, { write, asJson, terminal }), terminal),
    codeOf(figures, failOnWorse),
  ]);
}
