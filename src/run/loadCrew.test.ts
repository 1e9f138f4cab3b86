import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, describe, expect, test, vi } from "vitest";

import { coresLeftBy } from "../host/cores.ts";
import { realClock } from "../host/realClock.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { openJournal } from "../journal/write.ts";
import { readTest } from "../journal/read.ts";
import type { Phase } from "../load/phase.ts";
import { listening } from "../load/testServer.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import { stampCodes } from "../model/recorder.ts";
import type { Request } from "../model/request.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { passage } from "../model/vocabulary.ts";
import type { Workload } from "../model/workload.ts";
import { startGroundTruth } from "./groundTruth.ts";
import { LoadCrew } from "./loadCrew.ts";
import type { LoadOrder, Way } from "./loadMessages.ts";

const clock = realClock();
const truth = await startGroundTruth(clock, thisMachine());
const way = truth.way({ first: 0.01, gap: 0.002 });
const directory = mkdtempSync(join(tmpdir(), "tandem-crew-"));
afterAll(async () => {
  await truth[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const never = new AbortController().signal;
const tokens = 5;

/** Two lanes of four requests each, and eight more with times of their own. */
const arrivals: readonly Request["arrival"][] = Array.from({ length: 16 }, (_, id) =>
  id < 2 || id >= 8 ? { kind: "at", offset: id / 100 } : { kind: "after", request: id - 2, pause: 0.001 },
);
const requests: readonly Request[] = arrivals.map((arrival, id) => ({
  id,
  arrival,
  messages: [{ role: "user", parts: [passage("hello there")] }],
  contextTokens: 2,
  questionTokens: 0,
  reusableTokens: 0,
  maxOutputTokens: tokens,
}));
const workload: Workload = { kind: "test", options: {}, seed: 1, requests };

function order(changes: Partial<LoadOrder> = {}): LoadOrder {
  const phase: Phase = requests.map((request) => ({
    engine: "truth",
    block: 0,
    due: request.arrival.kind === "at" ? request.arrival.offset : undefined,
    request,
  }));
  const ways: Readonly<Record<string, Way>> = { truth: way };
  return { experiment: 0, phases: [phase], ways, deadlines: defaultDeadlines, record: "journal", ...changes };
}

interface Recorded {
  /** What each request came to, without its times. */
  readonly records: readonly unknown[];
  readonly events: readonly RunEvent[];
  /** Who watched themselves. */
  readonly watched: ReadonlySet<string>;
}

async function recordsWith(workers: number): Promise<Recorded> {
  const place = join(directory, `${workers}`);
  using journal = openJournal(place);
  journal.describe(description());
  journal.workload(0, workload, "");
  await using crew = LoadCrew.start(workers, clock);
  crew.openJournal(place);
  const events: RunEvent[] = [];
  await crew.play(order(), { stop: never, tell: (event) => events.push(event), reading: (of) => journal.reading(0, of) });
  await crew.closeJournal();
  journal.close();
  const { experiments } = await readTest(place);
  const records = (experiments[0]?.records ?? []).map(({ request, outcome, outputTokens, chunks, attempts, due, sent = -1 }) => ({
    request,
    outcome,
    outputTokens,
    kinds: [...chunks.columns.kind.subarray(chunks.from, chunks.to)],
    attempts,
    sentWhenDue: sent - due >= 0 && sent - due < 500_000_000,
  }));
  const watched = new Set((experiments[0]?.readings ?? []).map(({ of }) => of));
  return { records: records.sort((a, b) => a.request - b.request), events, watched };
}

function description(): Parameters<ReturnType<typeof openJournal>["describe"]>[0] {
  const engine = {
    name: "truth",
    kind: "simulated",
    model: "tiny",
    simulated: true,
    features: [],
    gpus: [],
    api: "chat",
    batch: 0,
  } as const;
  const of = { kind: "test", options: {}, hash: "", requests: requests.length };
  const experiment = {
    title: "t",
    workload: of,
    arrivals: { kind: "every", options: {} },
    order: "together",
    repeats: 1,
    seed: 7,
  } as const;
  return {
    schema: 1,
    test: "test_crew",
    simulated: true,
    baseline: "truth",
    engines: [engine],
    experiments: [{ ...experiment, deadlines: defaultDeadlines }],
  };
}

test("three threads record what one does: every request once, sent when it was due, with all its tokens", { timeout: 30_000 }, async () => {
  const [one, three] = [await recordsWith(1), await recordsWith(3)];
  expect(one.records).toHaveLength(requests.length);
  expect(one.records[0]).toEqual({
    request: 0,
    outcome: { kind: "completed" },
    outputTokens: tokens,
    kinds: [...Array<number>(tokens).fill(stampCodes.text), stampCodes.usage, stampCodes.done],
    attempts: 1,
    sentWhenDue: true,
  });
  expect(three.records).toEqual(one.records);
  expect([one.watched, three.watched]).toEqual([new Set(["harness/1"]), new Set(["harness/1", "harness/2", "harness/3"])]);
  for (const { events } of [one, three]) {
    const told = events.flatMap((event) => (event.kind === "requests" ? [event] : []));
    const sum = (name: "sent" | "ended" | "failed") => told.reduce((total, event) => total + event[name], 0);
    expect([sum("sent"), sum("ended"), sum("failed")]).toEqual([requests.length, requests.length, 0]);
  }
});

test("an engine that takes token ids gets them, beside one that does not", async () => {
  const asked: unknown[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { prompt } = (await json(request)) as { prompt: unknown };
    asked.push(prompt);
    response.writeHead(500).end();
  };
  const server = createServer((request, response) => void answer(request, response));
  const url = `http://127.0.0.1:${await listening(server)}`;
  const wayWith = (takesTokenIds: boolean): Way => ({ ...way, url, wire: { ...way.wire, api: "completions", takesTokenIds } });
  const phase = ["text", "ids"].flatMap((engine, place) =>
    requests.slice(0, 1).map((request) => ({ engine, block: 0, due: place / 10, request })),
  );
  await using crew = LoadCrew.start(1, clock);
  await crew.play(order({ record: "memory", phases: [phase], ways: { text: wayWith(false), ids: wayWith(true) } }), { stop: never });
  server.close();
  expect(asked).toEqual(["hello there", passage("hello there").tokenIds]);
});

describe("two threads", () => {
  test("keep stamps in memory and hand them back, of every request", async () => {
    await using crew = LoadCrew.start(2, clock);
    const stamped = await crew.play(order({ record: "memory" }), { stop: never });
    expect(stamped.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(requests.map(({ id }) => id));
    expect(stamped.every((of) => of.tokens.length === tokens && of.sent >= of.due)).toBe(true);
  });

  test("play phase after phase, none before the one before it has ended on both", async () => {
    await using crew = LoadCrew.start(2, clock);
    const [phase = []] = order().phases;
    const later = phase.map((turn) => ({
      ...turn,
      request: { ...turn.request, id: turn.request.id + 100, arrival: shifted(turn.request) },
    }));
    const stamped = await crew.play(order({ record: "memory", phases: [phase, later] }), { stop: never });
    const ends = stamped.filter(({ id }) => Number(id) < 100).map(({ tokens: at }) => at.at(-1) ?? Infinity);
    const begins = stamped.filter(({ id }) => Number(id) >= 100).map(({ sent }) => sent);
    expect([ends.length, begins.length]).toEqual([requests.length, requests.length]);
    expect(Math.min(...begins)).toBeGreaterThan(Math.max(...ends));
  });

  test("send nothing more once they are told to stop, and let what is under way end", async () => {
    await using crew = LoadCrew.start(2, clock);
    await crew.ready();
    const late = order().phases.map((phase) => phase.map((turn) => (turn.due === undefined ? turn : { ...turn, due: turn.due * 100 })));
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 500);
    const stamped = await crew.play(order({ record: "memory", phases: late }), { stop: stop.signal });
    expect(stamped.length).toBeLessThan(requests.length);
    expect(stamped.every((of) => of.tokens.length === tokens)).toBe(true);
  });

  test("say why when one cannot record: a person is told, and nobody waits for the other", async () => {
    const file = join(directory, "a file");
    writeFileSync(file, "");
    await using crew = LoadCrew.start(2, clock);
    crew.openJournal(join(file, "no directory"));
    await expect(crew.play(order(), { stop: never })).rejects.toThrow(/ENOTDIR|cannot/);
    await expect(crew.play(order(), { stop: never })).rejects.toThrow(/ENOTDIR|cannot/);
    await crew.closeJournal();
  });

  test("give each engine's connections the time its experiment allows", async () => {
    await using crew = LoadCrew.start(2, clock);
    // 192.0.2.0/24 is nobody's (RFC 5737): a connection there is refused or never answered.
    const nowhere = { ...way, url: "http://192.0.2.1:9" };
    await crew.ready();
    const from = clock.now();
    await crew.play(order({ record: "memory", ways: { truth: nowhere }, deadlines: { ...defaultDeadlines, connect: 0.2 } }), {
      stop: never,
    });
    expect(clock.now() - from).toBeLessThan(4e9);
  });
});

function shifted({ arrival }: Request): Request["arrival"] {
  return arrival.kind === "after" ? { ...arrival, request: arrival.request + 100 } : arrival;
}

const isBinding = coresLeftBy([]).length > 1 && spawnSync("taskset", ["--version"]).status === 0;

test.runIf(isBinding)("a load thread leaves the cores that an engine has bound threads to, while it has", async () => {
  const [first = -1, ...others] = coresLeftBy([]);
  const engine = spawn("taskset", ["--cpu-list", String(first), "sleep", "60"]);
  const pid = engine.pid ?? -1;
  await expect.poll(() => coresLeftBy([pid])).toEqual(others);
  await using crew = LoadCrew.start(1, clock);
  await crew.ready();
  const boundHere = () => coresLeftBy([]).filter((core) => !coresLeftBy([process.pid]).includes(core));
  expect(boundHere()).toEqual([]);
  crew.keepOutOfTheWayOf([pid]);
  await expect.poll(boundHere).toEqual(others);
  const ended = once(engine, "exit");
  engine.kill();
  await ended;
  crew.keepOutOfTheWayOf([pid]);
  await expect.poll(boundHere).toEqual([]);
});

// Of five crews none is through in less than a second; on a machine that others are at work on each takes several.
test("a crew that is ended before it has rehearsed leaves nothing on the disk", { timeout: 120_000 }, async () => {
  const temporary = join(directory, "temporary");
  mkdirSync(temporary);
  vi.stubEnv("TMPDIR", temporary);
  const from = clock.now();
  await using whole = LoadCrew.start(1, clock);
  await whole.ready();
  const milliseconds = (clock.now() - from) / 1e6;
  const left: string[] = [];
  for (const share of [0.3, 0.5, 0.7, 0.9]) {
    const crew = LoadCrew.start(1, clock);
    await pause(share * milliseconds);
    await crew[Symbol.asyncDispose]();
    left.push(...readdirSync(temporary));
  }
  vi.unstubAllEnvs();
  expect(left).toEqual([]);
});
