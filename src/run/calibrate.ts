import type { Phase } from "../load/order.ts";
import { rulerError, type RulerError } from "../measure/rulerError.ts";
import { draws } from "../model/draw.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Place } from "../model/running.ts";
import type { Request } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";
import { randomPassage } from "../model/vocabulary.ts";
import { startGroundTruth, type GroundTruth, type SharedClock } from "./groundTruth.ts";
import type { LoadCrew } from "./loadCrew.ts";

/** A load that is played against the ground-truth engine. */
export interface CalibrationLoad {
  /** Streams open at the same time. */
  readonly streams: number;
  /** Between two tokens of a stream. */
  readonly gap: Seconds;
  readonly promptTokens: number;
  /** The streams start spread over this long; 0 starts them all at once. */
  readonly ramp: Seconds;
  /** About how long. */
  readonly lasts: Seconds;
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

/** Our own error at a load: the very threads that measure engines, against the engine that knows the truth. */
export async function calibrate(load: CalibrationLoad, { crew, clock, place, stop, scratch }: CalibrateOptions): Promise<RulerError> {
  await using truth = await startGroundTruth({ first, gap: load.gap }, clock, place, scratch);
  // Once for nobody: the engine's own code is compiled by then, and what is slow is no longer it.
  await measured(lanes({ ...load, streams: Math.min(load.streams, 8), ramp: 0, lasts: 0.5 }), truth, crew, stop);
  // Awaited here: the engine must not be disposed of while it is measured.
  return await measured(lanes(load), truth, crew, stop);
}

/** The stream of control's timetable: 40 tokens a second. */
export const controlTimetable = { first, gap: 0.025 } as const;

/** The stream of control begins when the load threads have unpacked the order it runs beside: prompts of some sizes take them 10 ms. */
const afterOrders: Seconds = 0.25;

/** One stream of each load thread beside the engines, for as long as they are measured: our error under the very load, not one like it. */
export async function control(truth: GroundTruth, crew: LoadCrew, until: AbortSignal): Promise<RulerError> {
  const replies = 20_000;
  const streams = Array.from({ length: crew.size }, (_, index) => lane(index * replies, { promptTokens: 64, due: afterOrders, replies }));
  return measured(streams.flat(), truth, crew, until);
}

function lanes({ streams, gap, promptTokens, ramp, lasts }: CalibrationLoad): Phase {
  const replies = Math.max(1, Math.round(lasts / (first + gap * replyTokens)));
  return Array.from({ length: streams }, (_, index) =>
    lane(index * replies, { promptTokens, due: (ramp * index) / streams, replies }),
  ).flat();
}

const engine = "ground-truth";

/** One stream after the other on one lane: the next begins when the one before has ended. */
function lane(firstId: number, { promptTokens, due, replies }: { promptTokens: number; due: Seconds; replies: number }): Phase {
  const parts = [randomPassage(promptTokens, draws(firstId, "calibration"))];
  const messages = [{ role: "user", parts }] as const;
  return Array.from({ length: replies }, (_, index) => {
    const id = firstId + index;
    const arrival: Request["arrival"] = index === 0 ? { kind: "at", offset: due } : { kind: "after", request: id - 1, pause: 0.01 };
    const lengths = { contextTokens: promptTokens, questionTokens: 0, reusableTokens: 0, maxOutputTokens: replyTokens };
    return { engine, block: 0, due: index === 0 ? due : undefined, request: { id, arrival, messages, ...lengths } };
  });
}

async function measured(phase: Phase, truth: GroundTruth, crew: LoadCrew, stop: AbortSignal): Promise<RulerError> {
  const deadlines = { ...defaultDeadlines, experiment: 24 * 3_600 };
  const order = { experiment: -1, phases: [phase], ways: { [engine]: truth.way }, connections: {}, deadlines, record: "memory" } as const;
  const stamped = await crew.play(order, { stop });
  return rulerError(stamped, await truth.truths(stamped.length));
}
