import type { Phase } from "../load/order.ts";
import { rulerError, singleErrors, type RulerError, type SingleErrors } from "../measure/rulerError.ts";
import { draws } from "../model/draw.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Place } from "../model/running.ts";
import type { Passage, Request } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";
import { randomPassage } from "../model/vocabulary.ts";
import { startGroundTruth, type GroundTruth, type SharedClock } from "./groundTruth.ts";
import type { LoadCrew } from "./loadCrew.ts";

/** A load that is played against the ground-truth engine. */
export interface CalibrationLoad {
  /** Streams open at the same time. */
  readonly streams: number;
  /** One after the other on each stream. */
  readonly replies: number;
  readonly promptTokens: number;
  /** The streams start spread over this long; 0 starts them all at once. */
  readonly ramp: Seconds;
}

/** From reading a request to its first token: short, so that seconds hold many first tokens. */
const first: Seconds = 0.05;
/** Tokens of a reply: the shortest that still has gaps worth the name. */
const replyTokens = 20;

export interface CalibrateOptions {
  readonly crew: LoadCrew;
  readonly clock: SharedClock;
  readonly place: Place;
  readonly stop: AbortSignal;
  /** For what the ground-truth engine writes. */
  readonly scratch?: string;
}

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

  /** `gap`: between two tokens of all its streams. */
  static async start(gap: Seconds, options: CalibrateOptions): Promise<Calibrator> {
    const truth = await startGroundTruth({ first, gap }, options.clock, options.place, options.scratch);
    const calibrator = new Calibrator(truth, options);
    // Once for nobody: the engine's own code is compiled by then, and what is slow is no longer it.
    await calibrator.at({ streams: 8, promptTokens: 64, ramp: 0, replies: 1 });
    return calibrator;
  }

  /** Our own error at a load; of nothing, at once, when that is interrupted: threads that rehearse or connect by the thousand are not waited for. */
  async at(load: CalibrationLoad): Promise<RulerError> {
    if (this.stop.aborted) return {};
    const { promise, resolve } = Promise.withResolvers<RulerError>();
    const interrupted = () => resolve({});
    this.stop.addEventListener("abort", interrupted, { once: true });
    try {
      return await Promise.race([promise, measured(lanes(load), this.truth, this.crew, this.stop).then(rulerError)]);
    } finally {
      this.stop.removeEventListener("abort", interrupted);
    }
  }

  /** One stream of each load thread beside the engines, for as long as they are measured: our error under the very load, not one like it. */
  async beside(until: AbortSignal): Promise<SingleErrors> {
    const replies = 20_000;
    const streams = Array.from({ length: this.crew.size }, (_, index) =>
      lane(index * replies, { prompt: promptOf(64, index), due: afterOrders, replies }),
    );
    return measured(streams.flat(), this.truth, this.crew, until);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.truth[Symbol.asyncDispose]();
  }
}

/** The stream of control begins when the load threads have unpacked the order it runs beside: prompts of some sizes take them 10 ms. */
const afterOrders: Seconds = 0.25;

/** Values that carry a p99, and some more for streams that are cut off. */
const enoughTokens = 750;

/** At least so many streams, for about so long, and more of them where that is too few tokens for the percentile it is to state. */
export function shapeOf(streams: number, gap: Seconds, lasts: Seconds): Pick<CalibrationLoad, "streams" | "replies"> {
  const replies = repliesIn(lasts, gap);
  return { streams: Math.max(streams, Math.ceil(enoughTokens / (replies * replyTokens))), replies };
}

/** Replies of a stream in about so long, at least one. */
export function repliesIn(lasts: Seconds, gap: Seconds): number {
  return Math.max(1, Math.round(lasts / (first + gap * replyTokens)));
}

/** Nobody reads them: more would only take long to make, and memory. */
const differentPrompts = 16;

function lanes({ streams, promptTokens, ramp, replies }: CalibrationLoad): Phase {
  const prompts = Array.from({ length: Math.min(streams, differentPrompts) }, (_, index) => promptOf(promptTokens, index));
  return Array.from({ length: streams }, (_, index) => {
    const prompt = prompts[index % prompts.length] ?? promptOf(promptTokens, index);
    return lane(index * replies, { prompt, due: (ramp * index) / streams, replies });
  }).flat();
}

function promptOf(tokens: number, index: number): Passage {
  return randomPassage(tokens, draws(index, "calibration"));
}

const engine = "ground-truth";

/** One stream after the other on one lane: the next begins when the one before has ended. */
function lane(firstId: number, { prompt, due, replies }: { prompt: Passage; due: Seconds; replies: number }): Phase {
  const promptTokens = prompt.tokenIds.length;
  const messages = [{ role: "user", parts: [prompt] }] as const;
  return Array.from({ length: replies }, (_, index) => {
    const id = firstId + index;
    const arrival: Request["arrival"] = index === 0 ? { kind: "at", offset: due } : { kind: "after", request: id - 1, pause: 0.01 };
    const lengths = { contextTokens: promptTokens, questionTokens: 0, reusableTokens: 0, maxOutputTokens: replyTokens };
    return { engine, block: 0, due: index === 0 ? due : undefined, request: { id, arrival, messages, ...lengths } };
  });
}

async function measured(phase: Phase, truth: GroundTruth, crew: LoadCrew, stop: AbortSignal): Promise<SingleErrors> {
  const deadlines = { ...defaultDeadlines, experiment: 24 * 3_600 };
  const order = { experiment: -1, phases: [phase], ways: { [engine]: truth.way }, connections: {}, deadlines, record: "memory" } as const;
  const stamped = await crew.play(order, { stop });
  return singleErrors(stamped, await truth.truths(stamped.length));
}
