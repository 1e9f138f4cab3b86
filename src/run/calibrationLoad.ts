import type { Phase } from "../load/phase.ts";
import { draws } from "../model/draw.ts";
import type { Passage, Request } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";
import { randomPassage } from "../model/vocabulary.ts";
import type { Timetable } from "./groundTruth.ts";

/** A load that is played against the ground-truth engine. */
export interface CalibrationLoad {
  readonly timetable: Timetable;
  readonly phase: Phase;
  /** The first so many of its requests only open the streams that the others find open: how late they were sent is not counted. */
  readonly openers?: number;
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

export interface Sustained {
  /** Open at any time. */
  readonly streams: number;
  readonly perSecond: number;
  /** From each token of a stream to the next. */
  readonly gap: Seconds;
  readonly promptTokens: number;
  /** How long requests are sent at that rate. */
  readonly lasts: Seconds;
}

/** Within this, before the rate begins, the streams are opened that it would have left open. */
const opening: Seconds = 1;

/** Requests at a rate, whose replies are as long as it takes for so many streams to be open. */
export function sustained({ streams, perSecond, gap, promptTokens, lasts }: Sustained): CalibrationLoad {
  const length = streams / perSecond;
  const first = length - (Math.max(1, Math.round(length / gap)) - 1) * gap;
  const tokensIn = (time: Seconds) => Math.max(1, 1 + Math.round((Math.min(time, length) - first) / gap));
  const end = opening + lasts;
  const prompts = differentPrompts(Math.max(streams, perSecond), promptTokens);
  // One opener's reply ends whenever a request is sent.
  const openers = spread(streams, opening).map((due, index) => {
    const ends = Math.min(end, opening + (length * (index + 1)) / streams);
    return { due, tokens: Math.max(1, 1 + Math.round((ends - due - first) / gap)) };
  });
  const sent = spread(Math.round(perSecond * lasts), lasts).map((after) => ({ due: opening + after, tokens: tokensIn(lasts - after) }));
  const phase = [...openers, ...sent].map(({ due, tokens }, id) => turn(id, due, { prompt: prompts[id % prompts.length], tokens }));
  return { timetable: { first, gap }, phase, openers: streams };
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
