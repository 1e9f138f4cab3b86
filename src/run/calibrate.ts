import { drive } from "../load/drive.ts";
import type { Phase } from "../load/order.ts";
import { rehearse } from "../load/rehearsal.ts";
import { rulerError, type RulerError, type Stamped } from "../measure/rulerError.ts";
import { draws } from "../model/draw.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Recorder } from "../model/recorder.ts";
import type { Place } from "../model/running.ts";
import type { Request } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";
import { randomPassage } from "../model/vocabulary.ts";
import { startGroundTruth, type GroundTruth, type SharedClock } from "./groundTruth.ts";

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

/** Our own error at a load: the very client, against the engine that knows the truth. */
export async function calibrate(
  load: CalibrationLoad,
  clock: SharedClock,
  place: Place,
  stop: AbortSignal,
  scratch?: string,
): Promise<RulerError> {
  await rehearse(clock);
  await using truth = await startGroundTruth({ first, gap: load.gap }, clock, place, scratch);
  // Once for nobody: the engine's own code is compiled by then, and what is slow is no longer it.
  await measured(lanes({ ...load, streams: Math.min(load.streams, 8), ramp: 0, lasts: 0.5 }), truth, clock, stop);
  // Awaited here: the engine must not be disposed of while it is measured.
  return await measured(lanes(load), truth, clock, stop);
}

/** The stream of control's timetable: 40 tokens a second. */
export const controlTimetable = { first, gap: 0.025 } as const;

/** One stream beside the engines, for as long as they are measured: our error under the very load, not one like it. */
export async function control(truth: GroundTruth, clock: SharedClock, until: AbortSignal): Promise<RulerError> {
  return measured(lane(0, { promptTokens: 64, due: 0, replies: 100_000 }), truth, clock, until);
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

async function measured(phase: Phase, truth: GroundTruth, clock: SharedClock, stop: AbortSignal): Promise<RulerError> {
  const line = truth.line();
  const recorder = new Stamps();
  const deadlines = { ...defaultDeadlines, experiment: 24 * 3_600 };
  try {
    await drive({
      experiment: -1,
      phases: [phase],
      lines: { [engine]: line },
      clock,
      deadlines,
      recorder,
      tell: () => {},
      signal: stop,
      keepText: false,
    });
  } finally {
    line.close();
  }
  return rulerError(recorder.stamped, await truth.truths(recorder.stamped.length));
}

/** Keeps stamps in memory: what is computed of them is written down, they are not. */
class Stamps implements Recorder {
  readonly stamped: (Stamped & { sent: number; tokens: number[] })[] = [];

  due({ request, start, due }: Parameters<Recorder["due"]>[0]): number {
    return this.stamped.push({ id: String(request), due: start + due, sent: start + due, tokens: [] }) - 1;
  }

  stamp(exchange: number, kind: Parameters<Recorder["stamp"]>[1], at: number): void {
    const of = this.stamped[exchange];
    if (of === undefined) return;
    if (kind === "sent") of.sent = at;
    else if (kind === "text") of.tokens.push(at);
  }

  ended(): void {}

  reading(): void {}
}
