import { join } from "node:path";

import { readTest } from "../journal/read.ts";
import type { JournalWriter } from "../journal/write.ts";
import { observedLoad, type ObservedLoad } from "../measure/observedLoad.ts";
import { rulerReadings, type RulerError, type RulerSource } from "../measure/rulerError.ts";
import type { Place } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import { calibrate, control, controlTimetable, type CalibrationLoad } from "./calibrate.ts";
import { startGroundTruth, type GroundTruth, type SharedClock } from "./groundTruth.ts";
import type { LoadCrew } from "./loadCrew.ts";

export interface CalibrationOptions {
  readonly crew: LoadCrew;
  readonly clock: SharedClock;
  readonly place: Place;
  readonly journal: JournalWriter;
  readonly tell: (event: RunEvent) => void;
  readonly stop: AbortSignal;
  /** The test's own: what the ground-truth engine writes lies in it while it is up. */
  readonly directory: string;
}

/** How long a check lasts: enough tokens for a p99 from 20 streams on; slower loads are checked longer. */
const checkLasts: Seconds = 2;
/** Values that carry a p99, and some more for streams that are cut off. */
const enoughTokens = 750;
/** Beyond this error we say so before the engines boot… */
const tolerable: Seconds = 0.005;
/** …and with many streams, how many of them would be within this. */
const wanted: Seconds = 0.001;
const many = 64;
const fewest = 16;
/** So many streams are replayed at most: beyond, the ground-truth engine beside us would be what is measured. */
const mostReplayed = 2_000;

/** A run's own calibration: a check before it, a stream of control during it, the observed load again after it. Its figures go to the journal. */
export class Calibration implements AsyncDisposable {
  private readonly options: CalibrationOptions;
  private readonly truth: GroundTruth;

  private constructor(options: CalibrationOptions, truth: GroundTruth) {
    this.options = options;
    this.truth = truth;
  }

  static async start(options: CalibrationOptions): Promise<Calibration> {
    return new Calibration(
      options,
      await startGroundTruth(controlTimetable, options.clock, options.place, join(options.directory, "control")),
    );
  }

  /** Before the engines boot: a load this machine cannot measure is told, with a number, and not refused. */
  async before(streams: number): Promise<void> {
    const { tell } = this.options;
    const load = { streams: Math.min(streams, mostReplayed), gap: 0.02, promptTokens: 256, ramp: 0.2 };
    const error = await this.calibrate(load);
    this.note(-1, "check before", error);
    const found = stampError(error);
    if (streams > many && (found === undefined || found > wanted || streams > mostReplayed)) {
      const kept = await streamsWithin(wanted, load.streams, found, async (fewer) =>
        stampError(await this.calibrate({ ...load, streams: fewer })),
      );
      if (kept < streams) tell({ kind: "warning", message: tooMany(streams, kept, this.options.crew.size) });
    }
    if (found === undefined || found <= tolerable) return;
    tell({
      kind: "warning",
      message: `at ${load.streams} streams this machine's stamps are off by ${milliseconds(found)} (p99) before anything else runs: close other work, or believe smaller differences less`,
    });
  }

  /** Beside an experiment. Returns what ends it and writes down its figures. */
  during(experiment: number): () => Promise<void> {
    const until = new AbortController();
    const controlled = control(this.truth, this.options.crew, until.signal);
    return async () => {
      until.abort();
      this.note(experiment, "control stream", await controlled);
    };
  }

  /** After the engines are gone: what each experiment asked of us, played again. */
  async after(): Promise<void> {
    const { stop, journal, directory } = this.options;
    journal.flush();
    const { experiments } = await readTest(directory);
    const known = new Map<string, RulerError>();
    for (const { index, records } of experiments) {
      if (stop.aborted) return;
      const load = observedLoad(records);
      if (load === undefined) continue;
      const key = alike(load);
      const replay = { streams: Math.min(load.streams, mostReplayed), gap: load.gap, promptTokens: load.promptTokens, ramp: 0.5 };
      const error = known.get(key) ?? (await this.calibrate(replay));
      known.set(key, error);
      this.note(index, "replay after", error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.truth[Symbol.asyncDispose]();
  }

  private async calibrate(load: Omit<CalibrationLoad, "lasts">): Promise<RulerError> {
    const { crew, clock, place, stop, directory } = this.options;
    return calibrate({ ...load, lasts: longEnough(load) }, { crew, clock, place, stop, scratch: join(directory, "calibration") });
  }

  private note(experiment: number, source: RulerSource, error: RulerError): void {
    const at = this.options.clock.now();
    for (const reading of rulerReadings(source, error)) this.options.journal.reading(experiment, { at, ...reading });
  }
}

/** p99, or the largest of few. */
function stampError({ stamp }: RulerError): Seconds | undefined {
  return stamp?.p99 ?? stamp?.max;
}

/** How many streams are stamped within `bound`: as many as were tried first (`found` is their error), or half, a quarter, …; 0 for none of those. */
export async function streamsWithin(
  bound: Seconds,
  streams: number,
  found: Seconds | undefined,
  errorAt: (streams: number) => Promise<Seconds | undefined>,
): Promise<number> {
  const isGood = (error: Seconds | undefined) => error !== undefined && error <= bound;
  let [kept, error] = [streams, found];
  while (!isGood(error) && kept > fewest) {
    kept = Math.max(fewest, Math.floor(kept / 2));
    error = await errorAt(kept);
  }
  return isGood(error) ? kept : 0;
}

function tooMany(asked: number, kept: number, workers: number): string {
  const keeps = kept === 0 ? `does not keep ${fewest} streams` : `keeps ${kept} streams`;
  const more = `more --workers (there ${workers === 1 ? "is 1" : `are ${workers}`})`;
  return `this machine ${keeps} within 1 ms (p99) now; asked: ${asked}. Close other work, use ${more} where cores are free, or ask for fewer`;
}

/** Long enough for the percentile it states, however slow the load. */
function longEnough({ streams, gap }: { streams: number; gap: Seconds }): Seconds {
  return Math.min(15, Math.max(checkLasts, (enoughTokens * gap) / streams));
}

/** Loads that differ by less than a quarter need not be replayed twice. */
function alike({ streams, gap, promptTokens }: ObservedLoad): string {
  return [streams, gap * 1e6, promptTokens].map((value) => Math.round(Math.log(Math.max(1, value)) / Math.log(1.25))).join();
}

function milliseconds(value: Seconds): string {
  return `${(value * 1_000).toPrecision(2)} ms`;
}
