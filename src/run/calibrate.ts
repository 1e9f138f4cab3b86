import { rulerError, singleErrors, type RulerError, type SingleErrors } from "../measure/rulerError.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Place } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";
import { connectionsFor } from "./askedLoad.ts";
import { groundTruth, lanes, spread, type CalibrationLoad } from "./calibrationLoad.ts";
import { startGroundTruth, type GroundTruth, type SharedClock, type Timetable } from "./groundTruth.ts";
import type { LoadCrew } from "./loadCrew.ts";

export interface CalibrateOptions {
  readonly crew: LoadCrew;
  readonly clock: SharedClock;
  readonly place: Place;
  readonly stop: AbortSignal;
  /** For what the ground-truth engine writes. */
  readonly scratch?: string;
}

/** Of the stream of control: 50 tokens a second, so that 15 s beside an experiment are enough for a p99. */
const control: Timetable = { first: 0.05, gap: 0.02 };
/** The shortest reply that still has gaps worth the name. */
const controlTokens = 20;

/** The very threads that measure engines, against an engine that knows the truth. */
export class Calibrator implements AsyncDisposable {
  private readonly truth: GroundTruth;
  private readonly crew: LoadCrew;
  private readonly stop: AbortSignal;

  private constructor(truth: GroundTruth, { crew, stop }: CalibrateOptions) {
    this.truth = truth;
    this.crew = crew;
    this.stop = stop;
  }

  static async start(options: CalibrateOptions): Promise<Calibrator> {
    const truth = await startGroundTruth(options.clock, options.place, options.scratch);
    const calibrator = new Calibrator(truth, options);
    // Once for nobody: the engine's own code is compiled by then, and what is slow is no longer it.
    await calibrator.at({
      timetable: control,
      phase: lanes({ starts: spread(8, 0), replies: 1, tokens: controlTokens, promptTokens: 64 }),
    });
    return calibrator;
  }

  /** Our own error at a load, while nothing else is played; of nothing, at once, when that is interrupted: threads that rehearse or connect by the thousand are not waited for. */
  async at(load: CalibrationLoad): Promise<RulerError> {
    if (this.stop.aborted) return {};
    const { promise, resolve } = Promise.withResolvers<RulerError>();
    const interrupted = () => resolve({});
    this.stop.addEventListener("abort", interrupted, { once: true });
    try {
      return await Promise.race([promise, this.alone(load)]);
    } finally {
      this.stop.removeEventListener("abort", interrupted);
    }
  }

  /** One stream of each load thread beside the engines, for as long as they are measured: our error under the very load, not one like it. */
  async beside(until: AbortSignal): Promise<SingleErrors> {
    const starts = Array.from({ length: this.crew.size }, () => afterOrders);
    return this.measured({ timetable: control, phase: lanes({ starts, replies: 20_000, tokens: controlTokens, promptTokens: 64 }) }, until);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.truth[Symbol.asyncDispose]();
  }

  private async alone(load: CalibrationLoad): Promise<RulerError> {
    const errors = await this.measured(load, this.stop);
    // Another timetable has connections of its own: thousands that nobody uses would be left.
    this.crew.closeLines();
    return rulerError(errors);
  }

  private async measured({ timetable, phase, openers = 0 }: CalibrationLoad, stop: AbortSignal): Promise<SingleErrors> {
    const deadlines = { ...defaultDeadlines, experiment: 24 * 3_600 };
    const connections = { [groundTruth]: connectionsFor([phase], groundTruth) };
    const ways = { [groundTruth]: this.truth.way(timetable) };
    const order = { experiment: -1, phases: [phase], ways, connections, deadlines, record: "memory" } as const;
    const stamped = await this.crew.play(order, { stop });
    const errors = singleErrors(stamped, await this.truth.truths(stamped.length));
    const scheduled = stamped.filter(({ id }) => Number(id) >= openers);
    return { ...errors, slip: scheduled.map(({ due, sent }) => sent - due) };
  }
}

/** The stream of control begins when the load threads have unpacked the order it runs beside: prompts of some sizes take them 10 ms. */
const afterOrders: Seconds = 0.25;
