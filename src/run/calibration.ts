import { join } from "node:path";

import { readTest } from "../journal/read.ts";
import type { JournalWriter } from "../journal/write.ts";
import { observedLoad } from "../measure/observedLoad.ts";
import { loadSize, replayedReadings, type LoadSize } from "../measure/replayedLoad.ts";
import { rulerError, rulerReadings, tailOfError, type RulerError, type RulerSource, type SingleErrors } from "../measure/rulerError.ts";
import type { Reading } from "../model/record.ts";
import type { Place } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import { Calibrator } from "./calibrate.ts";
import { lanes, spread, type CalibrationLoad } from "./calibrationLoad.ts";
import type { SharedClock } from "./groundTruth.ts";
import type { LoadCrew } from "./loadCrew.ts";
import { lengthOfReplay, replayLoad, replayOf, type Replay } from "./replay.ts";

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

/** Of the check before: replies that are short and still have gaps worth the name. */
const timetable = { first: 0.05, gap: 0.02 };
const short = { replies: 3, tokens: 20, promptTokens: 256 };
/** They have tokens enough for a p99. */
const fewestStreams = 13;
/** About how long the check takes once it is begun. */
const lasts: Seconds = 1.5;
/** What comes before it: the load threads rehearse, and the ground-truth engine starts. */
const beforeFirst: Seconds = 3.5;
/** Beyond this error we say so before the engines boot… */
const tolerable: Seconds = 0.005;
/** …and with many streams, how many of them would be within this. */
const wanted: Seconds = 0.001;
const many = 64;
const fewest = 16;
/** Each takes seconds before anything is measured. */
const mostHalvings = 2;
/** So many streams are checked at most: beyond, the ground-truth engine beside us would be what is measured. */
const mostChecked = 2_000;

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
    options.tell({ kind: "calibrating", streams: checked(streams), lasts: beforeFirst + lasts });
    const calibrator = await Calibrator.start({ ...options, scratch: join(options.directory, "control") });
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
    const error = await this.calibrator.at(check(checked(streams)));
    this.note(-1, "check before", error);
    const found = stampError(error);
    if (streams > many && (found === undefined || found > wanted || streams > mostChecked)) {
      const kept = await streamsWithin(wanted, checked(streams), found, async (fewer) =>
        stampError(await this.calibrator.at(check(fewer))),
      );
      if (!kept.isKept || kept.streams < streams) tell({ kind: "warning", message: tooMany(streams, kept, this.options.crew.size) });
    }
    if (found === undefined || found <= tolerable) return;
    tell({
      kind: "warning",
      message: `at ${checked(streams)} streams this machine's stamps are off by ${milliseconds(found)} (p99) before anything else runs: close other work, or believe smaller differences less`,
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
    const known = new Map<string, Replayed>();
    for (const experiment of experiments) {
      if (stop.aborted) return;
      const observed = observedLoad(experiment);
      if (observed === undefined) continue;
      const replay = replayOf(observed);
      const key = alike(replay);
      const { error, size } = known.get(key) ?? (await this.replay(replay));
      known.set(key, { error, size });
      this.note(experiment.index, "replay after", error);
      this.write(experiment.index, replayedReadings({ replayed: size, observed: loadSize(observed) }));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.calibrator[Symbol.asyncDispose]();
  }

  private async replay(replay: Replay): Promise<Replayed> {
    this.options.tell({ kind: "calibrating", streams: replay.streams, lasts: lengthOfReplay(replay) });
    const error = await this.calibrator.at(replayLoad(replay));
    // Each has connections of its own, and the engines' are no longer needed.
    this.options.crew.closeLines();
    return { error, size: loadSize(replay) };
  }

  private note(experiment: number, source: RulerSource, error: RulerError): void {
    this.write(experiment, rulerReadings(source, error));
  }

  private write(experiment: number, readings: readonly Omit<Reading, "at">[]): void {
    const at = this.options.clock.now();
    for (const reading of readings) this.options.journal.reading(experiment, { at, ...reading });
  }
}

interface Replayed {
  readonly error: RulerError;
  readonly size: LoadSize;
}

function checked(streams: number): number {
  return Math.min(mostChecked, Math.max(fewestStreams, streams));
}

function check(streams: number): CalibrationLoad {
  return { timetable, phase: lanes({ ...short, starts: spread(streams, 0.2) }) };
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
function alike({ streams, tokens, gap, promptTokens, atOnce }: Replay): string {
  return [streams, tokens, gap * 1e6, promptTokens, atOnce]
    .map((value) => Math.round(Math.log(Math.max(1, value)) / Math.log(1.25)))
    .join();
}

function milliseconds(value: Seconds): string {
  return `${(value * 1_000).toPrecision(2)} ms`;
}
