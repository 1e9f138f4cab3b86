import type { Phase } from "../load/order.ts";
import { draws } from "../model/draw.ts";
import type { Passage, Request } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";
import { randomPassage } from "../model/vocabulary.ts";
import type { Timetable } from "./groundTruth.ts";

/** A load that is played against the ground-truth engine. */
export interface CalibrationLoad {
  readonly timetable: Timetable;
  readonly phase: Phase;
}

/** What its turns call the ground-truth engine. */
export const groundTruth = "ground-truth";

/** From the end of a reply to the next request of its lane. */
export const pause: Seconds = 0.001;

export interface Lanes {
  /** When each lane begins: as many streams are open at the same time. */
  readonly starts: readonly Seconds[];
  /** One after the other on each. */
  readonly replies: number;
  /** Of each reply. */
  readonly tokens: number;
  readonly promptTokens: number;
}

/** Streams that go on: on each lane the next request is sent when the one before has been answered. */
export function lanes({ starts, replies, tokens, promptTokens }: Lanes): Phase {
  const prompts = differentPrompts(starts.length, promptTokens);
  return starts.flatMap((start, index) =>
    Array.from({ length: replies }, (_, reply) => {
      const id = index * replies + reply;
      return turn(id, reply === 0 ? start : undefined, { prompt: prompts[index % prompts.length], tokens });
    }),
  );
}

export interface Requests {
  readonly dues: readonly Seconds[];
  /** Of each reply. */
  readonly tokens: number;
  readonly promptTokens: number;
}

/** Requests that are sent at their time, whether others have been answered or not. */
export function requests({ dues, tokens, promptTokens }: Requests): Phase {
  const prompts = differentPrompts(dues.length, promptTokens);
  return dues.map((due, id) => turn(id, due, { prompt: prompts[id % prompts.length], tokens }));
}

/** So many starts, evenly over so long. */
export function spread(count: number, over: Seconds): readonly Seconds[] {
  return Array.from({ length: count }, (_, index) => (over * index) / count);
}

/** Nobody reads them: more would only take long to make, and memory. */
const mostPrompts = 16;

function differentPrompts(requests: number, tokens: number): readonly Passage[] {
  return Array.from({ length: Math.min(requests, mostPrompts) }, (_, index) => randomPassage(tokens, draws(index, "calibration")));
}

interface Asked {
  readonly prompt: Passage | undefined;
  /** Of its reply. */
  readonly tokens: number;
}

/** Follows the one before where it has no time of its own. */
function turn(id: number, due: Seconds | undefined, { prompt, tokens }: Asked): Phase[number] {
  const arrival: Request["arrival"] = due === undefined ? { kind: "after", request: id - 1, pause } : { kind: "at", offset: due };
  const parts = prompt === undefined ? [] : [prompt];
  const lengths = { contextTokens: prompt?.tokenIds.length ?? 0, questionTokens: 0, reusableTokens: 0, maxOutputTokens: tokens };
  return { engine: groundTruth, block: 0, due, request: { id, arrival, messages: [{ role: "user", parts }], ...lengths } };
}
