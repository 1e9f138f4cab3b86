import { resolve } from "node:path";

import { serviceDirectory } from "../journal/paths.ts";
import type { JournalWriter } from "../journal/write.ts";
import { cacheRoomLacking } from "../launch/cacheRoom.ts";
import type { SlottedService } from "../launch/neededServices.ts";
import { askEngine } from "../launch/ask.ts";
import { gpuMemoryBefore } from "../launch/gpuMemory.ts";
import { health } from "../launch/health.ts";
import { portWatch } from "../launch/portWatch.ts";
import { startServices, type RunningServices } from "../launch/services.ts";
import type { Line } from "../model/exchange.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Request } from "../model/request.ts";
import { restarts } from "../probes/restarts.ts";
import type { EngineDescription, ServiceDescription, TestDescription } from "../model/result.ts";
import type { Place, RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { askedLoad } from "./askedLoad.ts";
import { answerPrompts } from "./answers.ts";
import { bringAll } from "./cacheState.ts";
import { Calibration } from "./calibration.ts";
import { limitOf, refuseTooLong, toldLimit } from "./contextLimit.ts";
import type { SharedClock } from "./groundTruth.ts";
import { launchOne } from "./launchOne.ts";
import type { PlannedTest } from "./plan.ts";
import { phasesOf } from "./planExperiments.ts";
import type { PlannedEngine } from "./planEngines.ts";
import { complaintsFromNow, proveAll } from "./proof.ts";
import { lineTo, runExperiment, type PlayOptions } from "./runExperiment.ts";
import { serviceMetrics } from "./serviceMetrics.ts";
import { countReplies } from "./countReplies.ts";
import { describeService, servicesFor } from "./services.ts";
import { prepare } from "./prepare.ts";
import { countersFor, keptFor, lengthWarning, textWarning, tokenSources } from "./tokenSources.ts";
import { unmeasuredDeadlines } from "./unmeasured.ts";
import { warmUp } from "./warmUp.ts";

export interface RunTestOptions extends PlayOptions {
  readonly place: Place;
  /** The test's own directory in the run. */
  readonly directory: string;
  /** The clock to measure the harness's own error with; undefined does not measure it. */
  readonly calibrateOn?: SharedClock;
  /** After an experiment is complete on every engine, its records on disk: checks, reports. */
  readonly experimentDone: (experiment: number) => Promise<void>;
}

/** What a test came to: nothing, or the error that ended it. Its records are in the journal either way. */
export type TestEnding = { readonly kind: "ran" } | { readonly kind: "stopped"; readonly error: HarnessError };

/** Boots a test's engines batch by batch, plays its experiments on them, ends them. What goes wrong with an engine ends this test only. */
export async function runTest(planned: PlannedTest, given: RunTestOptions): Promise<TestEnding> {
  const { tell, journal } = given;
  const unwritten = new Unwritten(journal);
  const options = { ...given, stop: AbortSignal.any([given.stop, unwritten.signal]) };
  tell({
    kind: "testStarted",
    test: planned.name,
    engines: planned.engines.map(({ name }) => name),
    experiments: planned.experiments.length,
  });
  const descriptions = new Descriptions(planned.description, journal);
  options.crew?.openJournal(options.directory, unwritten.hear);
  for (const [index, { workload, hash, laterBlocks }] of planned.experiments.entries()) {
    for (const [block, sent] of [{ workload, hash }, ...laterBlocks].entries()) journal.workload(index, sent.workload, sent.hash, block);
  }
  let stopped: HarnessError | undefined;
  try {
    await prepare(planned.engines, options.place, tell);
    await using calibration = await startCalibration(planned, options);
    const prompts = answerPrompts(planned.engines, options.clock);
    for (const batch of batchesOf(planned)) {
      if (options.stop.aborted) break;
      await runBatch(planned, batch, descriptions, { ...options, calibration, prompts });
    }
    if (!options.stop.aborted) await calibration?.after();
    unwritten.throwIfAny();
    return { kind: "ran" };
  } catch (error) {
    unwritten.throwIfAny(); // what else fails then fails for that
    if (!(error instanceof HarnessError) || error.exitCode !== 3) throw error;
    stopped = error;
    return { kind: "stopped", error };
  } finally {
    await options.crew?.closeJournal();
    const { exitCode } = given.stop.aborted ? {} : (stopped ?? {});
    tell({ kind: "testEnded", test: planned.name, ...(exitCode === undefined ? {} : { exitCode }) });
  }
}

/** A load whose records do not reach the disk is worth nothing: it ends, as by Ctrl-C, and the error is told. */
class Unwritten {
  readonly signal: AbortSignal;
  readonly hear: (error: unknown) => void;

  constructor(journal: JournalWriter) {
    const stop = new AbortController();
    this.signal = stop.signal;
    this.hear = (error) => stop.abort(error);
    void journal.failed.then(this.hear);
  }

  throwIfAny(): void {
    this.signal.throwIfAborted();
  }
}

/** Undefined where nothing is measured, or where --no-calibration says so. */
async function startCalibration(planned: PlannedTest, options: RunTestOptions): Promise<Calibration | undefined> {
  const { calibrateOn: clock, crew, place, journal, tell, stop } = options;
  if (clock === undefined || crew === undefined || stop.aborted) return undefined;
  const names = planned.engines.map(({ name }) => name);
  const asked = askedLoad(planned.experiments.flatMap((experiment) => phasesOf(experiment, names)));
  const { directory } = options;
  return await Calibration.start(asked, { crew, clock, place, journal, tell, stop, directory });
}

function batchesOf(planned: PlannedTest): readonly (readonly PlannedEngine[])[] {
  const numbers = [...new Set(planned.engines.map((engine) => engine.batch))].sort((a, b) => a - b);
  return numbers.map((number) => planned.engines.filter((engine) => engine.batch === number));
}

/** test.json, completed with each engine's exact command line once its slot is known. */
class Descriptions {
  private description: TestDescription;
  private readonly journal: JournalWriter;

  constructor(description: TestDescription, journal: JournalWriter) {
    this.description = description;
    this.journal = journal;
    journal.describe(description);
  }

  /** Services of a batch, before they start. */
  served(services: readonly ServiceDescription[]): void {
    if (services.length === 0) return;
    this.description = { ...this.description, services: [...(this.description.services ?? []), ...services] };
    this.journal.describe(this.description);
  }

  slotted(engine: EngineDescription): void {
    const engines = this.description.engines.map((before) => (before.name === engine.name ? engine : before));
    this.description = { ...this.description, engines };
    this.journal.describe(this.description);
  }
}

async function runBatch(
  planned: PlannedTest,
  batch: readonly PlannedEngine[],
  descriptions: Descriptions,
  options: RunTestOptions & { readonly calibration: Calibration | undefined; readonly prompts: readonly Request[] },
): Promise<void> {
  const services = await servicesFor(batch, options.place, (service) => resolve(serviceDirectory(options.directory, service), "scratch"));
  descriptions.served(services.map(describeService));
  const logDirectory = (service: string) => serviceDirectory(options.directory, service);
  const { place, clock, tell, stop } = options;
  for (const message of await cacheRoomLacking(batch, options.directory)) tell({ kind: "warning", message });
  // Disposed of last: services may hold GPU memory until they end.
  await using _memory = await gpuMemoryBefore(batch, { place, tell });
  await using served = await startServices(services, { place, clock, tell, signal: stop, logDirectory });
  await using running = await launchBeside(
    served,
    async (until) => launchAll(batch, services, descriptions, { ...options, stop: until }),
    stop,
  );
  for (const { name, facts } of running.engines) refuseTooLong(name, toldLimit(facts), planned.experiments);
  const deadlines = unmeasuredDeadlines(planned.experiments);
  const linesTo = (asText: boolean) =>
    Object.fromEntries(running.engines.map((engine) => [engine.name, lineTo(engine, clock, deadlines.later.connect, { asText })]));
  const [lines, textLines] = [linesTo(false), linesTo(true)];
  try {
    const usage = await warmUp(lines, { clock, stop, tell, deadlines, contextLimit: Math.min(...running.engines.map(limitOf)) });
    const tokens = await tokenSources(running.engines, usage, options.stop);
    for (const engine of running.engines) {
      const sources = tokens.get(engine.name);
      const ofText = await textWarning(engine, sources, planned.experiments, stop);
      for (const message of [lengthWarning(engine, sources, planned.experiments), ofText]) {
        if (message !== undefined) tell({ kind: "warning", message });
      }
    }
    const askersBy = (way: Readonly<Record<string, Line>>) =>
      running.engines.map(({ name }) => ({ name, line: lineOf(way, name), clock, stop, deadlines: deadlines.later }));
    const askers = askersBy(lines);
    const worlds = Object.fromEntries(batch.map(({ name, world }) => [name, world]));
    const proofs = await proveAll(running.engines, worlds, askers, { tell, prompts: options.prompts, tokens });
    await options.crew?.ready();
    options.crew?.keepOutOfTheWayOf(running.engines.flatMap(({ pids, neighbours }) => (pids ?? neighbours)?.() ?? []));
    const watched = health(running.engines, served.up, { clock, tell });
    const tellAndHear = (event: RunEvent) => {
      watched.hear(event);
      tell(event);
    };
    const ports = portWatch(running.engines, { tell });
    const anew = restarts(running.engines, { tell, ask: askEngine });
    const isLastBatch = batchesOf(planned).at(-1)?.[0]?.name === batch[0]?.name;
    for (const [index, experiment] of planned.experiments.entries()) {
      if (options.stop.aborted) return;
      const complaints = complaintsFromNow(running.engines, worlds);
      await runExperiment(index, experiment, running.engines, lines, {
        ...options,
        tell: tellAndHear,
        bring: async (block) =>
          bringAll(experiment, index, block, {
            engines: running.engines,
            askers: experiment.asText ? askersBy(textLines) : askers,
            proofs,
            services,
            tell,
          }),
        keepsText: keptFor(tokens),
        ofTest: [...services.flatMap((service) => serviceMetrics(service, clock)), watched.probe, ports, anew],
      });
      for (const proof of complaints(index)) tell({ kind: "proof", ...proof });
      options.journal.flush();
      await countReplies(index, countersFor(tokens, experiment), options);
      if (isLastBatch) await options.experimentDone(index);
      const dead = served.death() ?? running.death() ?? watched.death();
      if (dead !== undefined) throw dead;
    }
  } finally {
    for (const line of [...Object.values(lines), ...Object.values(textLines)]) line.close();
    options.crew?.closeLines();
  }
}

function lineOf(lines: Readonly<Record<string, Line>>, name: string): Line {
  const line = lines[name];
  if (line === undefined) throw new Error(`there is no line to ${name}`);
  return line;
}

interface Running extends AsyncDisposable {
  readonly engines: readonly RunningEngine[];
  /** The first engine that ended by itself, as the error that stops the test. */
  death(): HarnessError | undefined;
}

/** A service that ends while engines boot is why they do not come up, and ends their boots at once. */
async function launchBeside(served: RunningServices, launch: (stop: AbortSignal) => Promise<Running>, stop: AbortSignal): Promise<Running> {
  try {
    return await launch(AbortSignal.any([stop, served.over]));
  } catch (error) {
    throw served.death() ?? error;
  }
}

/** Boots one after the other where they share a GPU (engines look at free memory while they start), else at once. */
async function launchAll(
  batch: readonly PlannedEngine[],
  services: readonly SlottedService[],
  descriptions: Descriptions,
  options: RunTestOptions,
): Promise<Running> {
  const engines: RunningEngine[] = [];
  const dispose = async () => {
    await Promise.all(engines.map(async (engine) => engine[Symbol.asyncDispose]()));
  };
  const failed = new AbortController();
  const stop = AbortSignal.any([options.stop, failed.signal]);
  const described = (engine: EngineDescription) => descriptions.slotted(engine);
  const boot = async (engine: PlannedEngine) => void engines.push(await launchOne(engine, services, { ...options, stop, described }));
  try {
    if (shareAGpu(batch)) for (const engine of batch) await boot(engine);
    else await allOrFirstError(batch.map(boot), failed);
  } catch (error) {
    await dispose();
    throw error;
  }
  let death: HarnessError | undefined;
  for (const engine of engines) {
    const told = (message: string) => {
      death ??= new HarnessError("engine-exited", `engine ${engine.name} ended by itself while it was measured`, { hint: message });
      options.tell({ kind: "died", engine: engine.name, message });
    };
    void engine.died.then(told);
  }
  const inOrder = batch.flatMap(({ name }) => engines.filter((engine) => engine.name === name));
  return { engines: inOrder, death: () => death, [Symbol.asyncDispose]: dispose };
}

/** The first failure ends the others: nobody waits minutes for an engine that will not be used. All are waited for, so that none is left behind. */
async function allOrFirstError(boots: readonly Promise<void>[], failed: AbortController): Promise<void> {
  const failures: unknown[] = [];
  const noted = boots.map(async (boot) =>
    boot.catch((error: unknown) => {
      failures.push(error);
      failed.abort(error);
    }),
  );
  await Promise.all(noted);
  if (failures.length > 0) throw failures[0];
}

function shareAGpu(batch: readonly PlannedEngine[]): boolean {
  const gpus = batch.flatMap((engine) => engine.gpus);
  return new Set(gpus).size < gpus.length;
}
