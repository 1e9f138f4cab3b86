import { nearestRank, sortedValues } from "../measure/distribution.ts";
import { rulerError, singleErrors, type RulerError, type SingleErrors, type Stamped, type Truth } from "../measure/rulerError.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Place } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";
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

/** How a load was played: whether its error is that of the load which was asked for. */
export interface Played {
  readonly error: RulerError;
  readonly asked: number;
  /** Replies that came to their last token. */
  readonly whole: number;
  /** The ground-truth engine's own gaps between tokens by those it was to keep, at the median; undefined where there are none. */
  readonly stretch: number | undefined;
}

/** Whether it was: every reply came, and nearly at its pace. */
export function isAsAsked({ asked, whole, stretch = 1 }: Played): boolean {
  return whole === asked && stretch <= longestStretch;
}

const longestStretch = 1.2;
const notPlayed: Played = { error: {}, asked: 0, whole: 0, stretch: undefined };

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
  async at(load: CalibrationLoad): Promise<Played> {
    if (this.stop.aborted) return notPlayed;
    const { promise, resolve } = Promise.withResolvers<Played>();
    const interrupted = () => resolve(notPlayed);
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
    const phase = lanes({ starts, replies: 20_000, tokens: controlTokens, promptTokens: 64 });
    return (await this.measured({ timetable: control, phase }, until)).errors;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.truth[Symbol.asyncDispose]();
  }

  private async alone(load: CalibrationLoad): Promise<Played> {
    const { errors, stamped, truths } = await this.measured(load, this.stop);
    // Another timetable has connections of its own: thousands that nobody uses would be left.
    this.crew.closeLines();
    const wanted = new Map(load.phase.map(({ request }) => [String(request.id), request.maxOutputTokens]));
    const whole = stamped.filter(({ id, tokens }) => tokens.length >= (wanted.get(id) ?? Infinity)).length;
    return { error: rulerError(errors), asked: load.phase.length, whole, stretch: stretchOf(truths, load.timetable) };
  }

  private async measured({ timetable, phase, openers = 0 }: CalibrationLoad, stop: AbortSignal): Promise<Measured> {
    const deadlines = { ...defaultDeadlines, experiment: 24 * 3_600 };
    const ways = { [groundTruth]: this.truth.way(timetable) };
    const order = { experiment: -1, phases: [phase], ways, deadlines, record: "memory" } as const;
    const stamped = await this.crew.play(order, { stop });
    const truths = await this.truth.truths(stamped.length);
    const scheduled = stamped.filter(({ id }) => Number(id) >= openers);
    const errors = { ...singleErrors(stamped, truths), slip: scheduled.map(({ due, sent }) => sent - due) };
    return { errors, stamped, truths };
  }
}

interface Measured {
  readonly errors: SingleErrors;
  readonly stamped: readonly Stamped[];
  readonly truths: readonly Truth[];
}

function stretchOf(truths: readonly Truth[], { gap }: Timetable): number | undefined {
  const gaps = truths.flatMap(({ written }) => {
    const [first, last] = [written[0], written.at(-1)];
    return first === undefined || last === undefined || written.length < 2 ? [] : [(last - first) / (written.length - 1) / 1e9];
  });
  const middle = nearestRank(sortedValues(gaps), 0.5);
  return middle === undefined ? undefined : middle / gap;
}

/** The stream of control begins when the load threads have unpacked the order it runs beside: prompts of some sizes take them 10 ms. */
const afterOrders: Seconds = 0.25;
