import { join } from "node:path";

import { readTest } from "../journal/read.ts";
import type { JournalWriter } from "../journal/write.ts";
import { observedLoad } from "../measure/observedLoad.ts";
import { loadSize, replayedReadings, type LoadSize } from "../measure/replayedLoad.ts";
import { rulerError, rulerReadings, type RulerError, type RulerSource, type SingleErrors } from "../measure/rulerError.ts";
import type { Reading } from "../model/record.ts";
import type { Place } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import type { AskedLoad } from "./askedLoad.ts";
import { Calibrator } from "./calibrate.ts";
import { checking, checkLasts, checksOf, complaint, type Check } from "./checkBefore.ts";
import type { SharedClock } from "./groundTruth.ts";
import type { LoadCrew } from "./loadCrew.ts";
import { kindOf, lengthOfReplay, replayLoad, replayOf, type Replay } from "./replay.ts";

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

/** Of its replies. */
const nearlyAll = 0.99;
/** What comes before the first check: the load threads rehearse, and the ground-truth engine starts. */
const beforeFirst: Seconds = 3.5;

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

  /** For what is asked: a load this machine cannot send or measure is told before the engines boot, with a number, and not refused. */
  static async start(asked: AskedLoad, options: CalibrationOptions): Promise<Calibration> {
    const [first, ...others] = checksOf(asked);
    options.tell(checking(first, beforeFirst + checkLasts));
    const calibrator = await Calibrator.start({ ...options, scratch: join(options.directory, "control") });
    const calibration = new Calibration(options, calibrator);
    try {
      await calibration.before(first);
      for (const check of others) {
        options.tell(checking(check, checkLasts));
        await calibration.before(check);
      }
      return calibration;
    } catch (error) {
      await calibration[Symbol.asyncDispose]();
      throw error;
    }
  }

  private async before(check: Check): Promise<void> {
    const { tell, stop, crew } = this.options;
    const at = async (count: number) => (await this.calibrator.at(check.load(count))).error;
    const error = await at(check.tried);
    this.note(-1, "check before", error);
    const message = await complaint(check, error, at, crew.size);
    if (message !== undefined && !stop.aborted) tell({ kind: "warning", message });
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
      const key = kindOf(replay);
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
    const played = await this.calibrator.at(replayLoad(replay));
    // Of another load than the one that was observed it tells nothing.
    return { error: played.whole >= nearlyAll * played.asked ? played.error : {}, size: loadSize(replay) };
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
