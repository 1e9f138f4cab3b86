import { join } from "node:path";

import { readTest } from "../journal/read.ts";
import type { JournalWriter } from "../journal/write.ts";
import { observedLoad, type ObservedLoad } from "../measure/observedLoad.ts";
import { rulerError, rulerReadings, tailOfError, type RulerError, type RulerSource, type SingleErrors } from "../measure/rulerError.ts";
import type { Place } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import { Calibrator, shapeOf } from "./calibrate.ts";
import type { SharedClock } from "./groundTruth.ts";
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

/** Of the check before and of the stream of control: 50 tokens a second, so that 15 s beside an experiment are enough for a p99. */
const gap: Seconds = 0.02;
/** About how long each measurement of our own error takes. */
const lasts: Seconds = 1.2;
/** What comes before the first of them: the load threads rehearse, and the ground-truth engine starts. */
const beforeFirst: Seconds = 3.5;
/** Beyond this error we say so before the engines boot… */
const tolerable: Seconds = 0.005;
/** …and with many streams, how many of them would be within this. */
const wanted: Seconds = 0.001;
const many = 64;
const fewest = 16;
/** Each takes seconds before anything is measured. */
const mostHalvings = 2;
/** So many streams are replayed at most: beyond, the ground-truth engine beside us would be what is measured. */
const mostReplayed = 2_000;

/** A run's own calibration: a check before it, a stream of control during it, the observed load again after it. Its figures go to the journal. */
export class Calibration implements AsyncDisposable {
  private readonly options: CalibrationOptions;
  private readonly calibrator: Calibrator;
  /** Of the streams of control so far, by experiment: one is played in pieces where engines are in turn. */
  private readonly controls: Map<number, SingleErrors[]>;

  private constructor(options: CalibrationOptions, calibrator: Calibrator) {
    this.options = options;
    this.calibrator = calibrator;
    this.controls = new Map();
  }

  /** For as many `streams` at once: a load this machine cannot measure is told before the engines boot, with a number, and not refused. */
  static async start(streams: number, options: CalibrationOptions): Promise<Calibration> {
    options.tell({ kind: "calibrating", streams: checked(streams).streams, lasts: beforeFirst + lasts });
    const calibrator = await Calibrator.start(gap, { ...options, scratch: join(options.directory, "control") });
    const calibration = new Calibration(options, calibrator);
    try {
      await calibration.before(streams);
      return calibration;
    } catch (error) {
      await calibration[Symbol.asyncDispose]();
      throw error;
    }
  }

  private async before(streams: number): Promise<void> {
    const { tell } = this.options;
    const load = { ...checked(streams), promptTokens: 256, ramp: 0.2 };
    const error = await this.calibrator.at(load);
    this.note(-1, "check before", error);
    const found = stampError(error);
    if (streams > many && (found === undefined || found > wanted || streams > mostReplayed)) {
      const kept = await streamsWithin(wanted, load.streams, found, async (fewer) =>
        stampError(await this.calibrator.at({ ...load, ...shapeOf(fewer, gap, lasts) })),
      );
      if (!kept.isKept || kept.streams < streams) tell({ kind: "warning", message: tooMany(streams, kept, this.options.crew.size) });
    }
    if (found === undefined || found <= tolerable) return;
    tell({
      kind: "warning",
      message: `at ${load.streams} streams this machine's stamps are off by ${milliseconds(found)} (p99) before anything else runs: close other work, or believe smaller differences less`,
    });
  }

  /** Beside an experiment, or a piece of it. Returns what ends it and writes down the figures of all of it so far. */
  during(experiment: number): () => Promise<void> {
    const until = new AbortController();
    const controlled = this.calibrator.beside(until.signal);
    return async () => {
      until.abort();
      const errors = [...(this.controls.get(experiment) ?? []), await controlled];
      this.controls.set(experiment, errors);
      this.note(experiment, "control stream", rulerError(...errors));
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
      const error = known.get(key) ?? (await this.replay(load));
      known.set(key, error);
      this.note(index, "replay after", error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.calibrator[Symbol.asyncDispose]();
  }

  private async replay({ streams, gap: observed, promptTokens }: ObservedLoad): Promise<RulerError> {
    const { tell, directory } = this.options;
    const shape = shapeOf(Math.min(streams, mostReplayed), observed, lasts);
    tell({ kind: "calibrating", streams: shape.streams, lasts });
    await using calibrator = await Calibrator.start(observed, { ...this.options, scratch: join(directory, "calibration") });
    // Awaited here: the engine must not be disposed of while it is measured.
    return await calibrator.at({ ...shape, promptTokens, ramp: 0.5 });
  }

  private note(experiment: number, source: RulerSource, error: RulerError): void {
    const at = this.options.clock.now();
    for (const reading of rulerReadings(source, error)) this.options.journal.reading(experiment, { at, ...reading });
  }
}

function checked(streams: number): ReturnType<typeof shapeOf> {
  return shapeOf(Math.min(streams, mostReplayed), gap, lasts);
}

function stampError({ stamp }: RulerError): Seconds | undefined {
  return stamp === undefined ? undefined : tailOfError(stamp);
}

/** Whether so many streams are kept within a bound. */
export interface Kept {
  readonly streams: number;
  readonly isKept: boolean;
}

/** As many streams as were tried first (`found` is their error), or half, or a quarter: the most that are stamped within `bound`, or the fewest that are not. */
export async function streamsWithin(
  bound: Seconds,
  streams: number,
  found: Seconds | undefined,
  errorAt: (streams: number) => Promise<Seconds | undefined>,
): Promise<Kept> {
  const isGood = (error: Seconds | undefined) => error !== undefined && error <= bound;
  let kept: Kept = { streams, isKept: isGood(found) };
  for (let halved = 0; halved < mostHalvings && !kept.isKept; halved++) {
    const fewer = Math.max(fewest, Math.floor(kept.streams / 2));
    kept = { streams: fewer, isKept: isGood(await errorAt(fewer)) };
  }
  return kept;
}

function tooMany(asked: number, { streams, isKept }: Kept, workers: number): string {
  const keeps = `${isKept ? "keeps" : "does not keep even"} ${streams} streams`;
  const more = `more --workers (there ${workers === 1 ? "is 1" : `are ${workers}`})`;
  return `this machine ${keeps} within 1 ms (p99) now; asked: ${asked}. Close other work, use ${more} where cores are free, or ask for fewer`;
}

/** Loads that differ by less than a quarter need not be replayed twice. */
function alike({ streams, gap, promptTokens }: ObservedLoad): string {
  return [streams, gap * 1e6, promptTokens].map((value) => Math.round(Math.log(Math.max(1, value)) / Math.log(1.25))).join();
}

function milliseconds(value: Seconds): string {
  return `${(value * 1_000).toPrecision(2)} ms`;
}
