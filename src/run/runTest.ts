import { resolve } from "node:path";

import { serviceDirectory } from "../journal/paths.ts";
import type { JournalWriter } from "../journal/write.ts";
import { cacheRoomLacking } from "../launch/cacheRoom.ts";
import { askEngine } from "../launch/ask.ts";
import { gpuMemoryBefore } from "../launch/gpuMemory.ts";
import { health } from "../launch/health.ts";
import { portWatch } from "../launch/portWatch.ts";
import { startServices } from "../launch/services.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Request } from "../model/request.ts";
import { restarts } from "../probes/restarts.ts";
import type { Place } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { askedLoad } from "./askedLoad.ts";
import { answerPrompts } from "./answers.ts";
import { bringAll } from "./cacheState.ts";
import { Calibration } from "./calibration.ts";
import { refuseTooLong, toldLimit } from "./contextLimit.ts";
import type { SharedClock } from "./groundTruth.ts";
import { Descriptions } from "./descriptions.ts";
import { launchBatch } from "./launchBatch.ts";
import { OwnLines } from "./ownLines.ts";
import type { PlannedTest } from "./plan.ts";
import { phasesOf } from "./planExperiments.ts";
import type { PlannedEngine } from "./planEngines.ts";
import { complaintsFromNow } from "./proof.ts";
import { readied } from "./readied.ts";
import { runExperiment, type PlayOptions } from "./runExperiment.ts";
import { serviceMetrics } from "./serviceMetrics.ts";
import { countReplies } from "./countReplies.ts";
import { describeService, servicesFor } from "./services.ts";
import { prepare } from "./prepare.ts";
import { countersFor, keptFor } from "./tokenSources.ts";
import { unmeasuredDeadlines } from "./unmeasured.ts";

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
    const batches = batchesOf(planned);
    for (const batch of batches) {
      if (options.stop.aborted) break;
      await runBatch(planned, batch, descriptions, { ...options, calibration, prompts, isLast: batch === batches.at(-1) });
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

interface BatchOptions extends RunTestOptions {
  readonly calibration: Calibration | undefined;
  /** That every engine is asked, to see whether its cache changes what it says. */
  readonly prompts: readonly Request[];
  /** Its experiments are then complete. */
  readonly isLast: boolean;
}

async function runBatch(
  planned: PlannedTest,
  batch: readonly PlannedEngine[],
  descriptions: Descriptions,
  options: BatchOptions,
): Promise<void> {
  const { place, clock, tell, stop, crew } = options;
  const logDirectory = (service: string) => serviceDirectory(options.directory, service);
  const services = await servicesFor(batch, place, (service) => resolve(logDirectory(service), "scratch"));
  descriptions.served(services.map(describeService));
  for (const message of await cacheRoomLacking(batch, options.directory)) tell({ kind: "warning", message });
  // Disposed of last: services may hold GPU memory until they end.
  await using _memory = await gpuMemoryBefore(batch, { place, tell });
  await using served = await startServices(services, { place, clock, tell, signal: stop, logDirectory });
  await using running = await launchBatch(served, batch, services, { ...options, described: (engine) => descriptions.slotted(engine) });
  const { engines } = running;
  for (const { name, facts } of engines) refuseTooLong(name, toldLimit(facts), planned.experiments);
  const deadlines = unmeasuredDeadlines(planned.experiments);
  using lines = new OwnLines(engines, clock, deadlines);
  try {
    const worlds = Object.fromEntries(batch.map(({ name, world }) => [name, world]));
    const { tokens, proofs } = await readied(engines, worlds, planned.experiments, lines, { ...options, deadlines });
    await crew?.ready();
    crew?.keepOutOfTheWayOf(engines.flatMap(({ pids, neighbours }) => (pids ?? neighbours)?.() ?? []));
    const watched = health(engines, served.up, { clock, tell });
    const tellAndHear = (event: RunEvent) => {
      watched.hear(event);
      tell(event);
    };
    const watches = [watched.probe, portWatch(engines, { tell }), restarts(engines, { tell, ask: askEngine })];
    for (const [index, experiment] of planned.experiments.entries()) {
      if (stop.aborted) return;
      const proven = { engines, askers: lines.askers(experiment.asText, stop), proofs, services, tell };
      const complaints = complaintsFromNow(engines, worlds);
      await runExperiment(index, experiment, engines, lines.usual, {
        ...options,
        tell: tellAndHear,
        bring: async (block) => bringAll(experiment, index, block, proven),
        keepsText: keptFor(tokens),
        ofTest: [...services.flatMap((service) => serviceMetrics(service, clock)), ...watches],
      });
      for (const proof of complaints(index)) tell({ kind: "proof", ...proof });
      options.journal.flush();
      await countReplies(index, countersFor(tokens, experiment), options);
      if (options.isLast) await options.experimentDone(index);
      const dead = served.death() ?? running.death() ?? watched.death();
      if (dead !== undefined) throw dead;
    }
  } finally {
    crew?.closeLines();
  }
}
