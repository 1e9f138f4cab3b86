import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Validity } from "../model/figures.ts";
import { failed } from "../model/outcome.ts";
import type { LimitChanges } from "../model/limits.ts";
import type { Reading, RequestRecord } from "../model/record.ts";
import type { ExperimentResult, TestResult, TimedEvent } from "../model/result.ts";
import { toNanoseconds, type Seconds } from "../model/time.ts";
import { answered, experimentOf, record, resultOf } from "./fixture.ts";
import { engineSummary } from "./summary.ts";
import { joined, validity } from "./validity.ts";
import { limits } from "./validityLimits.ts";

const ten = Array<number>(10).fill(0.5);
const good = answered("plain", ten);

test("a run without anything in the way is VALID, also without a reading: virtual time has no host", () => {
  expect(validityOf(good)).toEqual({ state: "VALID", reasons: [] });
});

test.each([
  [1, 0.005, "VALID"],
  [1, 0.0051, "DEGRADED"],
  [1, 0.0501, "DEGRADED"],
  [2, 0.05, "DEGRADED"],
  [2, 0.0501, "INVALID"],
] as const)("%d of about ten requests sent %d s late makes the run %s", (many, lag, state) => {
  const late = Array.from({ length: many }, (_, index) => record([[2]], { due: 1, sent: 1 + lag, request: 10 + index }));
  expect(validityOf([...good, ...late]).state).toBe(state);
});

test("what is late says by how much, and what to do", () => {
  expect(validityOf([record([[2]], { due: 1, sent: 1.0123 })]).reasons).toEqual([
    {
      state: "DEGRADED",
      what: "the harness sent requests late (up to 12.3 ms)",
      advice: "close other work on this machine, or lower the rate",
      exceeded: { name: "sendLag", unit: "seconds", value: 0.0123, limit: 0.005 },
    },
  ]);
});

test("an engine that closed the connections of more than one request in a hundred is DEGRADED, and the harness was not late for it", () => {
  const replies = (twice: number) =>
    Array.from({ length: 100 }, (_, i) => ({
      ...record([[9]], { request: i, sent: i < twice ? 2 : 0 }),
      ...(i < twice ? { attempts: 2, firstSent: 0 } : {}),
    }));
  expect(validityOf(replies(1)).state).toBe("VALID");
  expect(validityOf(replies(2)).reasons.map(({ what }) => what)).toEqual([
    "closed the connections of 2 of 100 requests before it answered a byte, and they were sent once more",
  ]);
});

test("requests that an engine which died answered no second time either are no fault of its keep-alive", () => {
  const refused = { kind: "failed", code: "refused", message: "connect ECONNREFUSED" } as const;
  const unanswered = record([], { request: 9, outcome: refused });
  const records = [...good.slice(0, 9), { ...unanswered, attempts: 2, firstSent: unanswered.due }];
  expect(validityOf(records).reasons.map(({ exceeded }) => exceeded?.name)).toEqual(["failures"]);
});

test("connections that had to be opened amid the load are a reason where that is more than a twentieth of TTFT", () => {
  const openedBy = (seconds: number) =>
    good.map((one, request) => (request < 4 ? { ...one, opened: (one.sent ?? 0) + toNanoseconds(seconds) } : one));
  expect(validityOf(openedBy(0.06)).reasons).toEqual([]);
  const [reason] = validityOf(openedBy(0.1)).reasons;
  expect(reason).toMatchObject({ state: "DEGRADED", engine: "plain", exceeded: { name: "opening", value: 0.08, limit: 0.05 } });
  expect(reason?.what).toBe("4 of its 10 replies had a connection to open first, and 8 % of all TTFT is that");
});

test("from 662 values on the p99 of send lag counts, and 6 late requests of 700 are no reason", () => {
  const records = (late: number) =>
    Array.from({ length: 700 }, (_, i) => record([[i + 9]], { request: i, due: i, sent: i < late ? i + 0.02 : i }));
  expect([6, 8].map((late) => validityOf(records(late)).state)).toEqual(["VALID", "DEGRADED"]);
});

test.each([
  ["event-loop-delay-seconds", 0.01, "VALID"],
  ["event-loop-delay-seconds", 0.02, "DEGRADED"],
  ["event-loop-delay-seconds", 0.2, "INVALID"],
  ["cpu-share", 0.8, "VALID"],
  ["cpu-share", 0.81, "DEGRADED"],
  ["cpu-share", 4, "DEGRADED"],
] as const)("%s of %d in more than one second of ten makes the run %s, in two of twenty it does not", (series, value, state) => {
  expect(validityOf(good, [...readings(series, 17, 0), ...readings(series, 3, value)]).state).toBe(state);
  expect(validityOf(good, [...readings(series, 18, 0), ...readings(series, 2, value)]).state).toBe("VALID");
});

test("a thread that stood still for more than a hundredth of the time is a reason, for more than a twentieth withholds verdicts; short delays add up to none", () => {
  const stoodStill = (seconds: readonly Seconds[]) => {
    const readings = seconds.map((value, second): Reading => ({
      at: (second + 2) * 1e9,
      series: "event-loop-delay-max-seconds",
      of: "harness/1",
      value,
    }));
    return validityOf(good, readings, { span: { from: 0, to: 10e9 } });
  };
  expect(stoodStill(Array<number>(10).fill(0.099)).state).toBe("VALID");
  expect(stoodStill([0.02, 0.1]).state).toBe("VALID");
  expect(stoodStill([0.02, 0.3, 0.001])).toMatchObject({ state: "DEGRADED", reasons: [{ exceeded: { name: "stalls", value: 0.03 } }] });
  const [reason] = stoodStill([1.2, 0.01]).reasons;
  expect(reason).toMatchObject({ state: "INVALID", exceeded: { name: "stalls", value: 0.12, limit: 0.05 } });
  expect(reason?.what).toContain("the harness stood still for 1200 ms");
});

test("that the harness stood still stands before the failures that came of it, and of those it is said how many", () => {
  const stalled: Reading = { at: 5e9, series: "event-loop-stalled-seconds", of: "harness/1", value: 2 };
  const failed = failing(good, 3).map((one) => ({ ...one, ended: one.request === 2 ? 9e9 : 4.9e9 }));
  const reasons = (starts: NonNullable<ExperimentResult["starts"]>) => {
    const { state, reasons } = validityOf(failed, [stalled], { span: { from: 0, to: 20e9 }, starts });
    expect(state).toBe("INVALID");
    return reasons.map(({ what }) => what);
  };
  const [first, second] = reasons([{ engine: "plain", block: 0, at: 0 }]);
  expect(first).toContain("the harness stood still for 2000 ms");
  expect(second).toContain("failed 3 of 10 requests, 2 of them by deadlines that passed about when the harness stood still, and");
  // On another engine's clock they were over before.
  expect(reasons([{ engine: "plain", block: 0, at: -9e9 }])[1]).toContain("failed 3 of 10 requests, and");
});

test("one load thread of sixteen that stands still is found beside fifteen that are idle, and named", () => {
  const workers = Array.from({ length: 16 }, (_, index) => index + 1);
  const told = (series: string, stalled: number, idle: number) =>
    workers.flatMap((worker) => readings(series, 10, worker === 7 ? stalled : idle, `harness/${worker}`));
  expect(validityOf(good, told("event-loop-delay-seconds", 5, 0.0001)).reasons).toMatchObject([
    { state: "INVALID", what: "the harness stamped late (event loop of worker 7 of 16 held up for 5000 ms)" },
  ]);
  expect(validityOf(good, told("cpu-share", 1, 0.1)).reasons).toMatchObject([
    { state: "DEGRADED", what: "the harness was at its limit (1.00 CPU cores of worker 7 of 16)" },
  ]);
});

test("readings of an engine are not the harness's", () => {
  const ofEngine = readings("cpu-share", 10, 3).map((reading) => ({ ...reading, of: "plain" }));
  expect(validityOf(good, ofEngine).state).toBe("VALID");
});

test("a run that ended before its last request was due is INVALID", () => {
  expect(validityOf(good, [], { neverDue: 3 }).reasons).toMatchObject([
    {
      state: "INVALID",
      what: "the run ended before 3 of 13 requests were due",
      advice: "run it again to its end; what there is was kept",
    },
  ]);
});

test("what withholds verdicts is told before what only degrades, wherever it was found", () => {
  const late = record([[12]], { request: 10, due: 10, sent: 10.02 });
  const { state, reasons } = validityOf([...good, late], [], { damaged: ["chunks-1.arrow"] });
  expect(state).toBe("INVALID");
  expect(reasons.map(({ state, what }) => `${state} ${what}`)).toEqual([
    "INVALID its journal was damaged after it was written: chunks-1.arrow lacks its end, and rows are missing",
    "DEGRADED the harness sent requests late (up to 20 ms)",
  ]);
});

test("while a run goes on, what it lacks is told as what may yet come", () => {
  expect(validityOf(good, [], { neverDue: 3, stillRunning: true }).reasons).toMatchObject([
    {
      state: "INVALID",
      what: "the run is still going on: 3 of 13 requests were not due yet",
      advice: "wait for its end, or report it again then: tandem report DIR",
    },
  ]);
});

test("a request without an ending, or cancelled, degrades; more than 5 % of them withhold verdicts", () => {
  const cutOff = (count: number, of: number) => withoutEnding(answered("plain", Array<number>(of).fill(0.5)), count);
  expect([cutOff(1, 20), cutOff(2, 20)].map((records) => validityOf(records).state)).toEqual(["DEGRADED", "INVALID"]);
  const cancelled = good.map((one) => (one.request === 0 ? { ...one, outcome: { kind: "cancelled" } as const } : one));
  expect(validityOf(cancelled).reasons[0]?.what).toBe("1 of 10 requests were cancelled or cut off");
});

test("5 % failures mark the numbers, more withhold the verdict, unless a check allows them", () => {
  const twenty = answered("plain", Array<number>(20).fill(0.5));
  expect([0, 1, 2].map((count) => validityOf(failing(twenty, count)).state)).toEqual(["VALID", "DEGRADED", "INVALID"]);
  expect(validityOf(failing(twenty, 2), [], { mayFail: ["plain"] }).state).toBe("DEGRADED");
  expect(validityOf(failing(twenty, 2)).reasons[0]).toMatchObject({
    state: "INVALID",
    engine: "plain",
    what: "failed 2 of 20 requests, and the others may be the easier ones",
    advice: "see why in the CSV and in the engine's log (idle-timeout 2), or say in a test file's check how many may: mayFail(…)",
  });
});

test("what may fail is not asked for once more, and of a server that nobody started there is no log to look at", () => {
  const adviceOf = (options: Differing) => validityOf(failing(good, 2), [], options).reasons[0]?.advice;
  expect(adviceOf({ mayFail: ["plain"] })).toBe("see why in the CSV and in the engine's log (idle-timeout 2)");
  expect(adviceOf({ withoutLog: ["plain"], mayFail: ["plain"] })).toBe("see why in the CSV's column failure (idle-timeout 2)");
  const dropped = good.map((one) => (one.request < 2 ? { ...one, outcome: { kind: "dropped", reason: "late" } as const } : one));
  const [reason] = validityOf(dropped, [], { mayFail: ["plain"] }).reasons;
  expect(reason?.advice).toBe("see why in the CSV's column failure (dropped 2)"); // never sent: the engine knows nothing of it
});

test("an engine that died is the reason, and neither its failures nor requests that were not sent are others", () => {
  const death = { state: "INVALID", engine: "plain", what: "exited with status 1 while it was measured" };
  const died = { at: 5e9, event: { kind: "died", engine: "plain", message: "plain exited with status 1" } } as const;
  const lasted = { experiment: 0, title: "first", engines: ["plain", "cached"], requests: 10, order: "together" } as const;
  const begun = { at: 1e9, event: { kind: "experimentStarted", ...lasted } } as const;
  const options = { neverDue: 3, engines: ["plain", "cached"], events: [begun, died] };
  expect(validityOf(failing(good, 2), [], options).reasons).toMatchObject([death]);
  const failuresOfAnother = failing(answered("cached", ten), 1);
  expect(validityOf([...good, ...failuresOfAnother], [], options).reasons).toMatchObject([death, { engine: "cached" }]);
});

test("of an experiment that had not begun when an engine died it is said that it was not, but where none had", () => {
  const died = { at: 5e9, event: { kind: "died", engine: "plain", message: "plain exited with status 1" } } as const;
  const lasted = { experiment: 0, title: "first", engines: ["plain"], requests: 10, order: "together" } as const;
  const begun = { at: 1e9, event: { kind: "experimentStarted", ...lasted } } as const;
  const said = (events: readonly TimedEvent[]) => validityOf([], [], { neverDue: 3, events }).reasons.map(({ what }) => what);
  expect(said([begun, died])).toContain("was not begun: the test ended before");
  expect(said([died])).not.toContain("was not begun: the test ended before");
});

test("an engine without a success is INVALID, whatever a check allows", () => {
  expect(validityOf(failing(good, 10), [], { mayFail: ["plain"] })).toMatchObject({
    state: "INVALID",
    reasons: [{ what: "completed none of 10 requests", engine: "plain" }],
  });
  expect(validityOf(good, [], { engines: ["plain", "cached"] }).reasons).toMatchObject([
    { state: "INVALID", what: "was sent no request", engine: "cached" },
  ]);
});

test("an engine whose turn did not come says nothing in its log: the run is to be run again to its end", () => {
  const adviceOf = (neverDue: number) =>
    validityOf(good, [], { engines: ["plain", "cached"], neverDue }).reasons.find(({ engine }) => engine === "cached")?.advice;
  expect(adviceOf(0)).toContain("engine's log");
  expect(adviceOf(10)).toBe("run it again to its end");
});

test("stamps that run backwards are INVALID", () => {
  const backwards = [
    record([[1], [0.9]]),
    record([[1]], { due: 0.5, sent: 0.4 }),
    record([[1]], { headers: 1.5e9 }),
    record([[1]], { sent: 0.5, headers: 0.4e9 }),
  ];
  for (const one of backwards) expect(validityOf([one]).state).toBe("INVALID");
});

test("a whole reply that ends before its last token has stamps that run backwards", () => {
  expect(validityOf(good.map((one) => ({ ...one, ended: (one.sent ?? 0) + 1 }))).state).toBe("INVALID");
});

test("tokens counted by events are said to be", () => {
  const guessed = good.map((one) => ({ ...one, outputTokensSource: "events" as const }));
  expect(validityOf(guessed)).toMatchObject({
    state: "DEGRADED",
    reasons: [{ engine: "plain", what: expect.stringMatching(/^output tokens of 10 replies are counted as one for each event/) }],
  });
});

test("usage that told what cannot be degrades by what stands instead, and says what it told", () => {
  const events = Array.from({ length: 8 }, (_, index) => [1 + index / 100] as const);
  const reply = record(events, { outputTokens: 8, outputTokensSource: "events", impossibleTokens: 2_147_483_647, maxOutputTokens: 64 });
  expect(validityOf([reply])).toMatchObject({
    state: "DEGRADED",
    reasons: [
      {
        what: "output tokens of 1 replies are counted as one for each event, because usage told what cannot be: 2,147,483,647 in a reply of 8 events, where at most 64 were asked for",
      },
    ],
  });
  expect(validityOf([{ ...reply, outputTokensSource: "tokenizer" }]).state).toBe("VALID");
});

test("an answer longer than was asked for leaves TPOT to rely on only where its events are as many", () => {
  const reply = (events: number) =>
    record(
      Array.from({ length: events }, (_, index) => [1 + index / 100] as const),
      { outputTokens: 80, maxOutputTokens: 64 },
    );
  const advice = (events: number) => validityOf([reply(events)]).reasons.find(({ what }) => what.startsWith("answered"))?.advice;
  expect(advice(80)).toContain("rely on TTFT and TPOT");
  expect(advice(10)).toContain("rely on TTFT alone");
});

test("usage and events may differ by 1 % beyond the token that ends a text", () => {
  const reply = (outputTokens: number) =>
    record(
      Array.from({ length: 200 }, (_, index) => [1 + index / 100] as const),
      { outputTokens },
    );
  const states = [200, 201, 203, 204, 197].map((tokens) => validityOf([reply(tokens)]).state);
  expect(states).toEqual(["VALID", "VALID", "VALID", "DEGRADED", "DEGRADED"]);
  expect(validityOf([reply(400)]).reasons[0]?.what).toBe(
    "usage tells 400 output tokens, the events carried 200 (one a reply, the one that ends it, is taken off the difference)",
  );
  expect(validityOf([reply(0)]).reasons[0]?.what).toBe(
    "usage tells 0 output tokens, the events carried 200 (one a reply, the one that ends it, is taken off the difference)",
  );
});

test("where events carry several tokens, it is said how much too high throughput may be by those of the first", () => {
  const reply = (events: number, outputTokens: number) =>
    record(
      Array.from({ length: events }, (_, index) => [1 + index / 100] as const),
      { outputTokens },
    );
  const advice = (events: number, tokens: number) => validityOf([reply(events, tokens)]).reasons[0]?.advice;
  const counted = "read ITL as the gaps between events, not between tokens; TPOT and throughput count the tokens of usage";
  // Twenty tokens came in the time of the later five events of four; 23 are counted.
  expect(advice(6, 24)).toBe(
    `${counted}, and of the first event one: if it has as many as the others, throughput is 1.15 times what it was`,
  );
  // One of a thousand more is nothing to speak of.
  expect(advice(1_000, 2_000)).toBe(counted);
  expect(advice(24, 12)).toBe(counted);
});

test("what a tokenizer counts is held against events, and against usage where there are both", () => {
  const reply = (of: Partial<RequestRecord>) =>
    record(
      Array.from({ length: 200 }, (_, index) => [1 + index / 100] as const),
      of,
    );
  const told = (of: Partial<RequestRecord>) => validityOf([reply(of)]).reasons.map(({ what }) => what);
  expect(told({ outputTokens: 202, outputTokensSource: "tokenizer", countedTokens: 202 })).toEqual([]);
  expect(told({ outputTokens: 800, outputTokensSource: "tokenizer", countedTokens: 800 })).toEqual([
    "its tokenizer tells 800 output tokens, the events carried 200 (one a reply, the one that ends it, is taken off the difference)",
  ]);
  expect(told({ outputTokens: 200, countedTokens: 203 })).toEqual([]);
  expect(told({ outputTokens: 200, countedTokens: 204 })).toEqual([
    "usage tells 200 output tokens, its tokenizer counts 204 in the same replies (one a reply, the one that ends it, is taken off the difference)",
  ]);
});

test("what a tokenizer makes of a text is no proof of a longer answer, nor of one unlike another engine's usage; more events than tokens asked for are", () => {
  const counted = (outputTokens: number, maxOutputTokens: number) =>
    answered("plain", ten, { outputTokens, outputTokensSource: "tokenizer", maxOutputTokens });
  const told = (records: readonly RequestRecord[]) =>
    validityOf(records, [], { limits: { tokenCounts: false } }).reasons.map(({ what }) => what);
  expect(told([...counted(9, 3), ...answered("cached", ten)])).toEqual([]);
  expect(told(counted(9, 2))).toEqual(["answered 10 of 10 requests with more tokens than were asked for (up to 3 for 2)"]);
  const other = counted(8, 3).map((one) => ({ ...one, engine: "cached" }));
  expect(told([...counted(9, 3), ...other])).toEqual(["10 requests got an answer of another length on another engine"]);
});

test.each([
  ["as many as asked for", 1_010, "VALID"],
  ["a chat template more", 1_060, "VALID"],
  ["a tenth more beside the template", 1_174, "VALID"],
  ["more than that", 1_200, "DEGRADED"],
  ["fewer than that", 800, "DEGRADED"],
  ["next to none, from a server that does not count", 1, "VALID"],
] as const)("prompts of %s (%d) by the engine's own count make the run %s", (_, promptTokens, state) => {
  const { reasons, ...found } = validityOf(answered("plain", ten, { contextTokens: 1_000, promptTokens }));
  expect(found.state).toBe(state);
  if (promptTokens !== 1_200) return;
  expect(reasons).toMatchObject([
    {
      state: "DEGRADED",
      what: "counted 12,000 prompt tokens where 10,100 were asked for (1.19 times as many; 64 a request, a chat template's, are taken off the difference)",
      exceeded: { value: 0.125 },
      advice: "its tokenizer takes the text apart otherwise: read the lengths in titles as words, or send token ids where it takes them",
      engine: "plain",
    },
  ]);
});

test("the same request with other token counts on another engine is no like for like", () => {
  const cached = answered("cached", ten, { promptTokens: 110 });
  const others = {
    prompt: answered("plain", ten, { promptTokens: 131 }),
    output: answered("plain", ten, { promptTokens: 110, outputTokens: 2 }),
  };
  expect(validityOf([...cached, ...answered("plain", ten, { promptTokens: 110 })], [], { engines: ["cached", "plain"] }).state).toBe(
    "VALID",
  );
  expect(validityOf([...cached, ...others.prompt]).reasons.map(({ what }) => what)).toEqual([
    "10 requests had another number of prompt tokens on another engine",
  ]);
  expect(validityOf([...cached, ...others.output]).reasons.map(({ what }) => what)).toEqual([
    "10 requests got an answer of another length on another engine",
  ]);
});

test("cold requests that an engine found in its cache were not cold; a shared first block is none of that", () => {
  const found = (cachedTokens: number) => validityOf(answered("plain", ten, { contextTokens: 990, promptTokens: 1_000, cachedTokens }));
  expect(found(16).state).toBe("VALID");
  expect(found(900)).toMatchObject({
    state: "DEGRADED",
    reasons: [{ engine: "plain", what: "cold requests found 90 % of their prompts in the cache" }],
  });
  expect(validityOf(answered("plain", ten, { contextTokens: 990, promptTokens: 1_000, cachedTokens: 900, cache: "warm" })).state).toBe(
    "VALID",
  );
});

test("where a later request of the same instant may have been computed before a cold one, no emptier cache is advised, but to let them fall due apart", () => {
  const pairs = ({ apart, warmFound }: { apart: number; warmFound: number }) => {
    const [cold, warm] = answered("plain", [0.5, 0.4], { contextTokens: 990, promptTokens: 1_000, tokenEvery: 0.01 });
    const shared = { cache: "warm", reusableTokens: 990, cachedTokens: warmFound, due: apart * 1e9, sent: apart * 1e9 } as const;
    const records = [
      { ...cold!, cachedTokens: 900 },
      { ...warm!, ...shared },
    ];
    return validityOf(records).reasons.flatMap(({ what, advice }) => (what.startsWith("cold requests found 90 %") ? [advice] : []));
  };
  const apart = [expect.stringContaining("have such requests fall due further apart") as string];
  const emptier = [expect.stringContaining("empty the caches before") as string];
  expect(pairs({ apart: 0, warmFound: 0 })).toEqual(apart);
  // It found all of it: so it was there before both.
  expect(pairs({ apart: 0, warmFound: 990 })).toEqual(emptier);
  // The cold one had been computed by then.
  expect(pairs({ apart: 0.6, warmFound: 0 })).toEqual(emptier);
});

test("a cold request of which no cached tokens were told, of a prompt that was counted, counts as one that had none: engines leave out a 0", () => {
  const cold = { contextTokens: 990, promptTokens: 1_000 };
  const found = (told: number, untold: number, more: object = {}) =>
    validityOf([
      ...answered("plain", Array<number>(told).fill(0.5), { ...cold, cachedTokens: 900 }),
      ...answered("plain", Array<number>(untold).fill(0.5), { ...cold, ...more }),
    ]).reasons.flatMap(({ what }) => (what.startsWith("cold requests") ? [what] : []));
  expect(found(1, 39)).toEqual([]);
  expect(found(4, 36)).toEqual(["cold requests found 9 % of their prompts in the cache"]);
  expect(found(0, 40)).toEqual([]);
  // Of these nobody knows.
  expect(found(4, 36, { promptTokens: undefined })).toEqual(["cold requests found 90 % of their prompts in the cache"]);
  expect(found(4, 36, { impossibleCachedTokens: 5_000 })).toEqual(["cold requests found 90 % of their prompts in the cache"]);
});

test("a template that an engine adds to each prompt is in its cache, and its cold requests are cold all the same", () => {
  const found = (cachedTokens: number) => validityOf(answered("plain", ten, { contextTokens: 502, promptTokens: 552, cachedTokens })).state; // 40 added to 512
  expect([found(32), found(40), found(80)]).toEqual(["VALID", "VALID", "DEGRADED"]);
  // Text of one's own is fewer tokens than we count, and its template is not known.
  const own = (cachedTokens: number) => validityOf(answered("plain", ten, { contextTokens: 552, promptTokens: 200, cachedTokens })).reasons;
  expect([own(48), own(180)].map((reasons) => reasons.some(({ what }) => what.startsWith("cold requests")))).toEqual([false, true]);
});

test("an engine that tells more cached tokens than its prompts have is said to tell what cannot be", () => {
  const records = answered("plain", ten, { contextTokens: 90, promptTokens: 100, impossibleCachedTokens: 556 });
  expect(validityOf(records)).toMatchObject({
    state: "DEGRADED",
    reasons: [{ engine: "plain", what: "usage told what cannot be in 10 of 10 replies: 556 cached tokens of a prompt of 100" }],
  });
});

test("an engine that takes 1.9 s for what comes every 1.4 s is saturated: said with both rates, and what to do", () => {
  expect(validityOf(oneByOne(1.4, 1.9))).toMatchObject({
    state: "DEGRADED",
    reasons: [
      {
        state: "DEGRADED",
        engine: "plain",
        what: "was saturated: of 0.714 requests/s that fell due it answered 0.526, and fell behind by 500 ms with each",
        advice:
          "lower the rate, or its latencies are those of a queue that grows with the run; to compare engines at saturation on purpose, say limits: { saturation: false } in a test file's experiment",
      },
    ],
  });
  expect(validityOf(oneByOne(1.4, 1.3)).state).toBe("VALID");
});

test("an engine that becomes slower and slower, but is done before the next request comes, is not saturated, and no longer the same", () => {
  const slower = Array.from({ length: 16 }, (_, request) => record([[8 * request + 1 + 0.2 * request]], { due: 8 * request, request }));
  expect(validityOf(slower)).toMatchObject({ state: "DEGRADED", reasons: [{ what: expect.stringContaining("became slower") }] });
  expect(validityOf(slower, [], { limits: { drift: false } }).state).toBe("VALID");
});

test("an engine that becomes slower as its schedule has it is told with that, and what to say where it is meant", () => {
  const due = (request: number) => (request < 30 ? 4 * request : 120 + 2 * (request - 30));
  const ramp = Array.from({ length: 60 }, (_, request) =>
    record([[due(request) + (request < 30 ? 0.5 : 1)]], { due: due(request), request }),
  );
  const [reason] = validityOf(ramp).reasons;
  expect(reason?.what).toContain("became slower");
  expect(reason?.advice).toContain("requests came 2.00 times as fast then. Where that is meant, say limits: { drift: false }");
});

test("where more wants to run than there are cores, an engine may only look slow", () => {
  const crowded = (value: number) =>
    validityOf(answered("plain", [0.1]), [{ at: 0, of: "harness", series: "host-runnable-per-core", value }]);
  expect(crowded(3.5).reasons).toMatchObject([{ state: "DEGRADED", what: "3.5 threads wanted each core of this machine" }]);
  expect(crowded(1.5).reasons).toEqual([]);
});

test("a reply with more tokens than were asked for is work that nobody asked for", () => {
  const records = answered("plain", [0.1, 0.1, 0.1], { maxOutputTokens: 2 });
  expect(validityOf(records).reasons).toMatchObject([
    { state: "DEGRADED", what: "answered 3 of 3 requests with more tokens than were asked for (up to 3 for 2)", engine: "plain" },
  ]);
  expect(validityOf(answered("plain", [0.1, 0.1], { maxOutputTokens: 3 })).reasons).toEqual([]);
});

test("the longest of answers that are too long is told with what that very request asked for", () => {
  const [one, other] = [
    record([[1], [2], [3]], { maxOutputTokens: 1 }),
    record([[1], [2], [3], [4], [5]], { maxOutputTokens: 4, request: 1 }),
  ];
  expect(validityOf([one, other]).reasons[0]?.what).toContain("(up to 5 for 4)");
});

test("a reason has the limit that was exceeded: of two, the one that makes it what it is, also where an experiment has changed it", () => {
  const exceededBy = (delay: Seconds, changed: LimitChanges = {}) =>
    validityOf(good, readings("event-loop-delay-seconds", 9, delay), { limits: changed }).reasons.map(({ exceeded }) => exceeded);
  const [name, unit] = ["eventLoopDelay", "seconds"] as const;
  expect(exceededBy(0.012345)).toEqual([{ name, unit, value: 0.0123, limit: 0.01 }]);
  expect(exceededBy(0.2)).toEqual([{ name, unit, value: 0.2, limit: 0.1 }]);
  expect(exceededBy(0.2, { eventLoopDelay: { degraded: 0.15, invalid: 1 } })).toEqual([{ name, unit, value: 0.2, limit: 0.15 }]);
});

test("an experiment changes a limit, or does without it; the others stay", () => {
  const late = record([[32.3]], { due: 22.4, sent: 22.4123, request: 16 });
  const states = ([undefined, { saturation: false }, { saturation: { degraded: 0.4 }, sendLag: { degraded: 0.02 } }] as const).map(
    (limits) =>
      validityOf([...oneByOne(1.4, 1.9), late], [], limits === undefined ? {} : { limits }).reasons.map(({ what }) => what.slice(0, 12)),
  );
  expect(states).toEqual([["the harness ", "was saturate"], ["the harness "], []]);
});

test("of a test's experiments, a reason that holds for all is said once; one that does not names its experiments", () => {
  const everywhere = { state: "DEGRADED", what: "the harness was at its limit", advice: "lower the rate" } as const;
  const here = { state: "INVALID", what: "was sent no request", advice: "see why", engine: "plain" } as const;
  const all = joined([
    { title: "8 k", validity: { state: "DEGRADED", reasons: [everywhere] } },
    { title: "16 k", validity: { state: "INVALID", reasons: [everywhere, here] } },
  ]);
  expect(all).toEqual({ state: "INVALID", reasons: [{ ...here, what: "16 k: was sent no request" }, everywhere] });
});

test("a reason that holds for several experiments of more is told once, with how many and which", () => {
  const reason = { state: "DEGRADED", what: "the harness was late", advice: "close other work" } as const;
  const inSome = (titles: readonly string[]) =>
    joined([
      { title: "other", validity: { state: "VALID", reasons: [] } },
      ...titles.map((title) => ({ title, validity: { state: "DEGRADED", reasons: [reason] } as const })),
    ]).reasons.map(({ what }) => what);
  expect(inSome(["a", "b"])).toEqual(["the harness was late, in 2 of 3 experiments (a; b)"]);
  expect(inSome(["a", "b", "c", "d"])).toEqual(["the harness was late, in 4 of 5 experiments (a; b; …)"]);
});

test("what was found before each of several blocks is told once, and without a title where there is one experiment", () => {
  const reason = { state: "INVALID", what: "is not what was asked for", advice: "look", engine: "cached" } as const;
  const blocks = { title: "8 k", validity: { state: "INVALID", reasons: [reason, { ...reason }] } } as const;
  expect(joined([blocks]).reasons).toEqual([reason]);
});

test("docs/measurement.md has exactly these limits", () => {
  const text = readFileSync(new URL("../../docs/measurement.md", import.meta.url), "utf8");
  const start = text.indexOf("| limit | measured | DEGRADED above | INVALID above |");
  const rows = text.slice(start, text.indexOf("\n\n", start)).split("\n").slice(2);
  expect(rows).toEqual(Object.entries(limits).map(rowOf));
});

test("something is held against every limit", () => {
  const room = new URL("./", import.meta.url);
  const sources = readdirSync(room).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== "validityLimits.ts");
  const text = sources.map((name) => readFileSync(new URL(name, room), "utf8")).join("\n");
  const isHeld = (name: string) => new RegExp(`imits(?:Of\\([\\w.]+\\))?\\.${name}\\b|\\b${name}: \\w+ \\} = limitsOf`).test(text);
  expect(Object.keys(limits).filter((name) => !isHeld(name))).toEqual([]);
});

type Limit = { measured: string; unit: string; degraded?: number; invalid?: number };

function rowOf([name, limit]: [string, Limit]): string {
  return `| \`${name}\` | ${limit.measured} | ${shown(limit.unit, limit.degraded)} | ${shown(limit.unit, limit.invalid)} |`;
}

function shown(unit: string, value: number | undefined): string {
  if (value === undefined) return "–";
  if (unit === "seconds") return `${value * 1_000} ms`;
  if (unit === "cores") return `${value} of a core`;
  if (unit === "threads") return `${value} a core`;
  return value === 0 ? "any" : `${value * 100} %`;
}

interface Differing extends Partial<Pick<TestResult, "stillRunning" | "events" | "damaged">>, Pick<ExperimentResult, "span" | "starts"> {
  readonly neverDue?: number;
  readonly mayFail?: readonly string[];
  readonly engines?: readonly string[];
  readonly limits?: LimitChanges;
  /** That nobody started. */
  readonly withoutLog?: readonly string[];
}

function validityOf(
  records: readonly RequestRecord[],
  readings: readonly Reading[] = [],
  { neverDue = 0, mayFail = [], engines = enginesOf(records), limits, withoutLog = [], span, starts, ...differing }: Differing = {},
): Validity {
  const { description, ...of } = experimentOf(records, readings, neverDue);
  const experiment = {
    ...of,
    ...(span === undefined ? {} : { span }),
    ...(starts === undefined ? {} : { starts }),
    description: limits === undefined ? description : { ...description, limits },
  };
  const verdicts = mayFail.map((engine) => ({ experiment: 0, check: "", ok: true, wanted: "", allowsFailuresOf: engine }));
  const result = { ...resultOf(experiment, engines, withoutLog), verdicts, ...differing };
  return validity(experiment, result, { summaries: engines.map((engine) => engineSummary(engine, records)), tokens: [] });
}

function enginesOf(records: readonly RequestRecord[]): readonly string[] {
  return records.length === 0 ? ["plain"] : [...new Set(records.map(({ engine }) => engine))];
}

/** Sixteen requests, of which the engine has one at work at a time. */
function oneByOne(seconds: Seconds, service: Seconds): readonly RequestRecord[] {
  return Array.from({ length: 16 }, (_, request) => {
    const due = request * seconds;
    return record([[service >= seconds ? service * (request + 1) : due + service]], { due, request });
  });
}

function readings(series: string, count: number, value: number, of = "harness"): readonly Reading[] {
  return Array.from({ length: count }, (_, second) => ({ at: second * 1e9, series, of, value }));
}

function failing(records: readonly RequestRecord[], count: number): readonly RequestRecord[] {
  return records.map((one) => (one.request < count ? { ...one, outcome: failed("idle-timeout", "") } : one));
}

function withoutEnding(records: readonly RequestRecord[], count: number): readonly RequestRecord[] {
  return records.map((one) => {
    if (one.request >= count) return one;
    const { ended: _, ...open } = one;
    return { ...open, outcome: { kind: "cancelled" } };
  });
}
