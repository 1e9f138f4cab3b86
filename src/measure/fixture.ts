import { chunksOf } from "../model/chunks.ts";
import type { Draw } from "../model/draw.ts";
import type { ChunkKind } from "../model/exchange.ts";
import { completed } from "../model/outcome.ts";
import type { Chunks, Reading, RequestRecord } from "../model/record.ts";
import type { ExperimentResult, TestResult } from "../model/result.ts";
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

/** The same pieces at other moments. */
export function chunksAt({ columns, ...of }: Chunks, change: (at: Float64Array) => Float64Array): Chunks {
  return { ...of, columns: { ...columns, at: change(columns.at) } };
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

/** Of the sum of twelve uniform draws: near enough to normal. */
export function normal(draw: Draw): number {
  return Array.from({ length: 12 }, draw).reduce((sum, value) => sum + value, -6);
}

export function exponential(draw: Draw): number {
  return -Math.log(1 - draw());
}

export function poissonDues(count: number, perSecond: number, draw: Draw): readonly Seconds[] {
  let due = 0;
  return Array.from({ length: count }, () => (due += exponential(draw) / perSecond));
}

/** What an engine is asked, and by what it is uneven. */
export interface Answering {
  readonly dues: readonly Seconds[];
  readonly draw: Draw;
  /** How long each is beside the usual, which is 1. */
  readonly length: (draw: Draw) => number;
}

/** So many requests a second are all that an engine that answers many at once can do, when it has very many. */
export const mostOfMany = 1 / 0.11;

/** On an engine that answers all at once: a token takes 10 ms and 1 ms for each that is under way, a reply 100 of them, and its first one as long as 10, alike to ±30 %. */
export function manyAtOnce(engine: string, { dues, draw, length }: Answering): readonly RequestRecord[] {
  const replies = dues.map(() => {
    const [toFirst, tokens] = [10 * Math.exp(0.3 * normal(draw)), Math.max(2, Math.round(100 * length(draw)))];
    return { first: Infinity, last: Infinity, tokens, toFirst, toLast: toFirst + tokens };
  });
  let underWay: typeof replies = [];
  for (let [next, now] = [0, 0]; next < dues.length || underWay.length > 0;) {
    const each = 0.01 + 0.001 * underWay.length;
    const soonest = Math.min(...underWay.map(({ first, toFirst, toLast }) => (first < Infinity ? toLast : toFirst)));
    const tokens = Math.min(soonest, ((dues[next] ?? Infinity) - now) / each);
    now += tokens * each;
    for (const reply of underWay) {
      reply.toFirst -= tokens;
      reply.toLast -= tokens;
      if (reply.toFirst < 1e-9) reply.first = Math.min(reply.first, now);
      if (reply.toLast < 1e-9) reply.last = now;
    }
    underWay = underWay.filter(({ last }) => last === Infinity);
    const reply = tokens < soonest ? replies[next++] : undefined;
    if (reply !== undefined) underWay.push(reply);
  }
  return replies.map(({ first, last, tokens }, request) =>
    record([[first], [last, "text", tokens - 1]], { engine, request, due: dues[request] ?? 0 }),
  );
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

/** A test of one experiment, on engines of which some were up already. */
export function resultOf(experiment: ExperimentResult, engines: readonly string[], attached: readonly string[] = []): TestResult {
  return {
    description: {
      schema: 1,
      test: "test_figures",
      simulated: true,
      baseline: "plain",
      engines: engines.map((name) => ({
        name,
        kind: "simulated",
        model: "m",
        simulated: true,
        features: [],
        gpus: [],
        ...(attached.includes(name) ? {} : { command: ["serve"] }),
        api: "chat",
        batch: 0,
      })),
      experiments: [experiment.description],
    },
    manifest: { schema: 1, tandem: "0.1.0", startedAt: "2026-11-24T10:00:00.000Z", commandLine: [], host: {}, simulated: true },
    experiments: [experiment],
    events: [],
    verdicts: [],
    facts: {},
    complete: true,
    ttftAnchor: "sent",
  };
}
