import { chunksOf } from "../model/chunks.ts";
import type { ChunkKind } from "../model/exchange.ts";
import { completed } from "../model/outcome.ts";
import type { Reading, RequestRecord } from "../model/record.ts";
import type { ExperimentResult } from "../model/result.ts";
import { toNanoseconds, type Seconds } from "../model/time.ts";

/** One event of a reply as a test writes it: when, and what; a text of one token unless said. */
export type Event = readonly [at: Seconds, kind?: ChunkKind, tokens?: number];

/** A completed request of engine "plain", due and sent at 0, with what a test wants to differ; times in seconds. Never part of a product run. */
export function record(
  events: readonly Event[],
  { due = 0, sent = due, ended = events.at(-1)?.[0] ?? sent, ...rest }: Times & Partial<Omit<RequestRecord, keyof Times>> = {},
): RequestRecord {
  const pieces = events.map(([at, kind = "text", tokens = kind === "text" ? 1 : 0]) => ({ at: toNanoseconds(at), kind, tokens }));
  return {
    experiment: 0,
    block: 0,
    engine: "plain",
    request: 0,
    due: toNanoseconds(due),
    sent: toNanoseconds(sent),
    attempts: 1,
    chunks: chunksOf(pieces),
    ended: toNanoseconds(ended),
    outcome: completed,
    outputTokens: pieces.reduce((sum, { tokens }) => sum + tokens, 0),
    outputTokensSource: "usage",
    contextTokens: 100,
    questionTokens: 10,
    reusableTokens: 0,
    cache: "cold",
    ...rest,
  };
}

interface Times {
  readonly due?: Seconds;
  readonly sent?: Seconds;
  readonly ended?: Seconds;
}

/** A request a second on one engine, each with its TTFT and then a token every `tokenEvery` seconds. */
export function answered(
  engine: string,
  waits: readonly Seconds[],
  { tokenEvery = 0.01, ...rest }: { tokenEvery?: Seconds } & Partial<Omit<RequestRecord, keyof Times>> = {},
): readonly RequestRecord[] {
  return waits.map((wait, request) => {
    const events = [0, 1, 2].map((token): Event => [request + wait + token * tokenEvery]);
    return record(events, { engine, request, due: request, ...rest });
  });
}

export function experimentOf(records: readonly RequestRecord[], readings: readonly Reading[] = [], neverDue = 0): ExperimentResult {
  return {
    index: 0,
    description: {
      title: "100 context tokens",
      workload: { kind: "documentQa", options: {}, hash: "", requests: 10 },
      arrivals: { kind: "every", options: { seconds: 1 } },
      order: "together",
      repeats: 1,
      seed: 0,
      deadlines: { connect: 5, firstToken: 120, idle: 60, request: 600 },
    },
    records,
    neverDue,
    readings,
  };
}
