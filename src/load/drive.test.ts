import { describe, expect, test } from "vitest";

import { virtualClock } from "../host/virtualClock.ts";
import type { Ending, ExchangeListener, Line, Prepared, Replies } from "../model/exchange.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Clock } from "../model/host.ts";
import type { Outcome } from "../model/outcome.ts";
import type { Recorder } from "../model/recorder.ts";
import type { Request } from "../model/request.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { drive, type DriveOptions } from "./drive.ts";
import { inTurn, together } from "./order.ts";
import type { Phase } from "./phase.ts";
import { Tally } from "./tally.ts";
import { plainRequest } from "./testServer.ts";

const second = 1_000_000_000;
const completed: Outcome = { kind: "completed" };

/** What an engine does with a request: when tokens come, in seconds after it was sent, and how it ends. */
interface Behaviour {
  readonly tokens: readonly number[];
  /** When they came in by their stamps, where they are read later than that. */
  readonly stamped?: readonly number[];
  readonly ends?: number;
  /** Likewise of its end. */
  readonly endStamped?: number;
  readonly outcome?: Outcome;
  /** Its connection turns out to have been closed: it is sent once more, so long after the first time. */
  readonly sentAgain?: number;
}

/** What a line was asked for beside requests. */
interface Asked {
  /** Prompts, each with the time when it was made. */
  readonly prompts?: string[];
  /** Connections, before each phase. */
  readonly opened?: number[];
  /** When there was to be one more. */
  readonly expected?: number[];
  /** How long that takes, by engine: 0.1 s unless said. */
  readonly opensWithin?: Readonly<Record<string, number>>;
}

/** An engine in this process, on the virtual clock. */
function line(
  clock: Clock,
  name: string,
  behaviour: (request: Request) => Behaviour,
  { prompts = [], opened = [], expected, opensWithin = {} }: Asked,
): Line {
  return {
    open: async (connections) => void opened.push(connections),
    ...(expected === undefined
      ? {}
      : { opensWithin: (opensWithin[name] ?? 0.1) * second, expect: () => void expected.push(clock.now() / second) }),
    prepare: (request: Request, replies: Replies, keepText: boolean): Prepared => {
      const parts = request.messages.flatMap((message) => message.parts);
      prompts.push(
        `${clock.now() / second}: ${parts.map((part) => (part.kind === "passage" ? part.text : replies(part.request))).join("")}`,
      );
      return { request, keepText };
    },
    send: (prepared: Prepared, listener: ExchangeListener) => {
      const { request, keepText } = prepared as { request: Request; keepText: boolean };
      const { tokens, stamped = tokens, ends = tokens.at(-1), endStamped, outcome = completed, sentAgain } = behaviour(request);
      const start = clock.now();
      const cancels: (() => void)[] = [];
      const end = (ending: Ending) => {
        for (const cancel of cancels) cancel();
        listener.ended(endStamped === undefined ? clock.now() : start + endStamped * second, ending);
      };
      listener.sent(clock.now(), sentAgain !== undefined);
      if (sentAgain !== undefined) cancels.push(clock.at(start + sentAgain * second, () => listener.sent(clock.now(), false)));
      for (const [index, after] of tokens.entries()) {
        const at = start + (stamped[index] ?? after) * second;
        // Told as a line tells them: by themselves, or together with others alike.
        const tell = () => (index % 2 === 0 ? listener.chunk(at, "text", 1) : listener.texts(at, 1));
        cancels.push(clock.at(start + after * second, tell));
      }
      if (ends !== undefined)
        cancels.push(clock.at(start + ends * second, () => end({ outcome, text: keepText ? `reply ${request.id}` : undefined })));
      return { abort: (outcome) => end({ outcome }) };
    },
    close: () => {},
  };
}

/** Records of a run, one line each: "a0 due 0 sent 0 ended 2 completed", seconds from the phase's start. */
interface Played {
  readonly records: readonly string[];
  readonly events: readonly RunEvent[];
}

async function play(
  phases: readonly Phase[],
  behaviours: Readonly<Record<string, (request: Request) => Behaviour>>,
  options: Partial<DriveOptions> & Asked & { readonly begun?: (clock: Clock) => void } = {},
): Promise<Played> {
  const clock = virtualClock();
  const exchanges: { name: string; start: number; due: number; sent?: number; end?: string }[] = [];
  const events: RunEvent[] = [];
  const after = (exchange: number, at: number) => (at - (exchanges[exchange]?.start ?? 0)) / second;
  const recorder: Recorder = {
    due: ({ engine, request, block, start, due }) =>
      exchanges.push({ name: `${engine}${request}${block === 0 ? "" : `/${block}`}`, start, due: due / second }) - 1,
    stamp: (exchange, kind, at) => {
      const record = exchanges[exchange];
      if (kind === "sent" && record !== undefined) record.sent = after(exchange, at);
    },
    ended: (exchange, at, { outcome }) => {
      const record = exchanges[exchange];
      const why = outcome.kind === "failed" ? outcome.code : outcome.kind === "dropped" ? outcome.reason : undefined;
      if (record !== undefined) record.end = `ended ${after(exchange, at)} ${outcome.kind}${why === undefined ? "" : `: ${why}`}`;
    },
    texts: () => {},
    reading: () => {},
  };
  const lines = Object.fromEntries(Object.entries(behaviours).map(([name, behaviour]) => [name, line(clock, name, behaviour, options)]));
  options.begun?.(clock);
  const tally = new Tally(0, (event) => events.push(event));
  await drive({
    experiment: 0,
    phases,
    lines,
    clock,
    deadlines: defaultDeadlines,
    recorder,
    tally,
    signal: new AbortController().signal,
    keepText: false,
    ...options,
  });
  tally.pass();
  return {
    events,
    records: exchanges.map(({ name, due, sent, end }) => `${name} due ${due} ${sent === undefined ? "" : `sent ${sent} `}${end}`),
  };
}

const at = (id: number, offset: number): Request => plainRequest({ id, arrival: { kind: "at", offset } });
const after = (id: number, request: number, pause = 0): Request => plainRequest({ id, arrival: { kind: "after", request, pause } });
const containing = (request: Request, ...replies: readonly number[]): Request => {
  const parts = replies.map((of) => ({ kind: "reply", request: of, source: "own" }) as const);
  return { ...request, messages: [{ role: "user", parts }] };
};
const workloadOf = (...requests: readonly Request[]) => ({ kind: "test", options: {}, seed: 1, requests });
const quick = (): Behaviour => ({ tokens: [1, 2] });

describe("the schedule", () => {
  test("sends at the due time, whatever the answers take", async () => {
    const slow = (): Behaviour => ({ tokens: [10] });
    const { records } = await play(inTurn(["a"], workloadOf(at(0, 0), at(1, 1.5), at(2, 3)), 1), { a: slow });
    expect(records).toEqual([
      "a0 due 0 sent 0 ended 10 completed",
      "a1 due 1.5 sent 1.5 ended 11.5 completed",
      "a2 due 3 sent 3 ended 13 completed",
    ]);
  });

  test("starts each phase when the one before has ended, counting from its own start", async () => {
    const { records } = await play(inTurn(["a", "b"], workloadOf(at(0, 1)), 2), { a: quick, b: quick });
    expect(records).toEqual(["a0", "b0", "b0/1", "a0/1"].map((name) => `${name} due 1 sent 1 ended 3 completed`));
  });

  test("sends a follower when its predecessor has ended and the pause is over", async () => {
    const workload = workloadOf(at(0, 0), after(1, 0, 0.5), after(2, 1));
    const { records } = await play(together(["a", "b"], workload, 1), { a: quick, b: () => ({ tokens: [1] }) });
    expect(records).toEqual([
      "a0 due 0 sent 0 ended 2 completed",
      "b0 due 0 sent 0 ended 1 completed",
      "b1 due 1.5 sent 1.5 ended 2.5 completed",
      "a1 due 2.5 sent 2.5 ended 4.5 completed",
      "b2 due 2.5 sent 2.5 ended 3.5 completed",
      "a2 due 4.5 sent 4.5 ended 6.5 completed",
    ]);
  });

  test("prepares a request about half a second ahead, also one that waits for a reply; as soon as that is there where it is due sooner", async () => {
    const prompts: string[] = [];
    const passage = { kind: "passage", text: "go on from ", tokenIds: [] } as const;
    const reply = { kind: "reply", request: 0, source: "own" } as const;
    const messages = [{ role: "user", parts: [passage, reply] }] as const;
    const [soon, later] = [
      { ...after(1, 0, 0.25), messages },
      { ...after(2, 0, 3), messages },
    ];
    await play(inTurn(["a"], workloadOf(at(0, 0), soon, later, at(3, 9)), 1), { a: quick }, { prompts });
    // The phase starts 0.02 s after its first requests are prepared.
    expect(prompts).toEqual(["0: say hello", "2.02: go on from reply 0", "4.5327: go on from reply 0", "8.5327: say hello"]);
  });
});

describe("connections are opened", () => {
  const early = workloadOf(at(0, 0), at(1, 0.05), at(2, 0.4), at(3, 2), after(4, 0, 5), after(5, 4));

  test("before a phase for what is due at its start, and else shortly before a request is due, or at once where it follows at once", async () => {
    const [opened, expected]: [number[], number[]] = [[], []];
    await play(inTurn(["a"], early, 1), { a: quick }, { opened, expected });
    expect(opened).toEqual([1, 2]);
    // The phase starts after 0.02 s; 0 ends 2 s after that.
    expect(expected).toEqual([0, 0, 0.32, 1.92, 6.92, 9.02]);
  });

  test("before a phase for no more at any rate, once one has told how long that takes", async () => {
    const many = workloadOf(...Array.from({ length: 100 }, (_, id) => at(id, id / 100)));
    const opened: number[] = [];
    await play(inTurn(["a"], many, 2), { a: quick }, { opened, expected: [] });
    expect(opened).toEqual([1, 11, 1, 11]);
  });

  test.each([
    { a: 0.1, b: 0.3, lead: 0.3, why: "as long before as the slowest needs, for all in their order" },
    { a: 2, b: 0.3, lead: 0.4873, why: "half a second before at most" },
    { a: Infinity, b: 0.1, lead: 0.1, why: "as the others need where nothing is known of one" },
    { a: Infinity, b: Infinity, lead: 0.4873, why: "half a second before where nothing is known of any" },
  ])("$why: $a and $b s", async ({ a, b, lead }) => {
    const expected: number[] = [];
    await play(together(["a", "b"], workloadOf(at(0, 3)), 1), { a: quick, b: quick }, { expected, opensWithin: { a, b } });
    expect(expected.map((time) => 3.02 - time)).toEqual([expect.closeTo(lead), expect.closeTo(lead)]);
  });

  test("before a phase for none where nothing is due soon", async () => {
    const [opened, expected]: [number[], number[]] = [[], []];
    await play(inTurn(["a"], workloadOf(at(0, 3)), 1), { a: quick }, { opened, expected });
    expect([opened, expected]).toEqual([[], [2.92]]);
  });

  test("for none whose time has not come when a run is stopped", async () => {
    const expected: number[] = [];
    const stop = new AbortController();
    const begun = (clock: Clock) => void clock.at(1 * second, () => stop.abort());
    await play(inTurn(["a"], early, 1), { a: quick }, { expected, signal: stop.signal, begun });
    expect(expected).toEqual([0, 0, 0.32]);
  });
});

describe("what goes wrong", () => {
  const failing = (): Behaviour => ({ tokens: [], ends: 1, outcome: { kind: "failed", code: "disconnected", message: "" } });

  test("a reply that failed drops who contains it, and those after that, each with a record", async () => {
    const reply = { kind: "reply", request: 0, source: "own" } as const;
    const follower = { ...after(1, 0, 2), messages: [{ role: "user", parts: [reply] }] } as const;
    const { records, events } = await play(inTurn(["a"], workloadOf(at(0, 0), follower, after(2, 1)), 1), { a: failing });
    expect(records).toEqual([
      "a0 due 0 sent 0 ended 1 failed: disconnected",
      "a1 due 3 ended 1 dropped: request 0, whose reply it contains, failed: disconnected",
      "a2 due 3 ended 1 dropped: request 1 before it was dropped",
    ]);
    expect(events).toEqual([{ kind: "requests", experiment: 0, engine: "a", sent: 1, ended: 3, dropped: 2, failed: 3, ttft: undefined }]);
  });

  test("who merely waits for a request that failed is sent as if it had not", async () => {
    const { records } = await play(inTurn(["a"], workloadOf(at(0, 0), after(1, 0, 2), after(2, 1)), 1), { a: failing });
    expect(records).toEqual([
      "a0 due 0 sent 0 ended 1 failed: disconnected",
      "a1 due 3 sent 3 ended 4 failed: disconnected",
      "a2 due 4 sent 4 ended 5 failed: disconnected",
    ]);
  });

  test("a follower of nobody is dropped", async () => {
    const { records } = await play(inTurn(["a"], workloadOf(at(0, 0), after(1, 7)), 1), { a: quick });
    expect(records).toContain("a1 due 0 ended 0 dropped: a request that it waits for is not in this workload, or waits for it");
  });

  test("those that wait for each other's replies are dropped, and whoever comes after them", async () => {
    const { records } = await play(
      inTurn(["a"], workloadOf(at(0, 0), containing(after(1, 0), 2), containing(after(2, 0), 1), after(3, 2), containing(at(4, 1), 9)), 1),
      { a: quick },
    );
    const reason = "dropped: a request that it waits for is not in this workload, or waits for it";
    expect(records.toSorted()).toEqual([
      "a0 due 0 sent 0 ended 2 completed",
      `a1 due 0 ended 0 ${reason}`,
      "a2 due 0 ended 0 dropped: request 1 before it was dropped",
      "a3 due 0 ended 0 dropped: request 2 before it was dropped",
      `a4 due 0 ended 0 ${reason}`,
    ]);
  });

  test("a prompt that contains several replies is sent when the last of them is there, and dropped when one of them failed", async () => {
    const workload = workloadOf(at(0, 0), at(1, 0.5), containing(after(2, 1, 0.25), 0, 1), containing(at(3, 1), 0), after(4, 2));
    const [slow, fast] = [{ tokens: [1, 6] }, { tokens: [1] }];
    const wellOf = ({ id }: Request): Behaviour => (id === 0 ? slow : fast);
    const failsOf = ({ id }: Request): Behaviour => (id === 0 ? failing() : fast);
    const prompts: string[] = [];
    const well = await play(inTurn(["a"], workload, 1), { a: wellOf }, { prompts });
    expect(well.records).toEqual([
      "a0 due 0 sent 0 ended 6 completed",
      "a1 due 0.5 sent 0.5 ended 1.5 completed",
      "a2 due 6 sent 6 ended 7 completed",
      "a3 due 6 sent 6 ended 7 completed",
      "a4 due 7 sent 7 ended 8 completed",
    ]);
    expect(prompts.slice(2)).toEqual(["6.02: reply 0reply 1", "6.02: reply 0", "7.02: say hello"]);
    const ill = await play(inTurn(["a"], workload, 1), { a: failsOf });
    const why = "dropped: request 0, whose reply it contains, failed: disconnected";
    expect(ill.records.slice(2)).toEqual([
      `a2 due 1 ended 1 ${why}`,
      "a4 due 1 ended 1 dropped: request 2 before it was dropped",
      `a3 due 1 ended 1 ${why}`,
    ]);
  });

  test("a prompt that contains several replies never falls due before the latest of them, whichever end is told last", async () => {
    const workload = workloadOf(at(0, 0), at(1, 0), containing(after(2, 0), 0, 1));
    const readLate: Behaviour = { tokens: [1], ends: 4, endStamped: 2 };
    const { records } = await play(inTurn(["a"], workload, 1), { a: ({ id }) => (id === 0 ? readLate : { tokens: [1, 3] }) });
    expect(records).toEqual([
      "a0 due 0 sent 0 ended 2 completed",
      "a1 due 0 sent 0 ended 3 completed",
      "a2 due 3 sent 4 ended 7 completed",
    ]);
  });

  test("nor before the pause after the one that it follows is over, also where another's reply comes meanwhile", async () => {
    const workload = workloadOf(at(0, 0), at(1, 0), containing(after(2, 0, 5), 0, 1));
    const { records } = await play(inTurn(["a"], workload, 1), { a: ({ id }) => ({ tokens: id === 1 ? [3] : [2] }) });
    expect(records.at(-1)).toBe("a2 due 7 sent 7 ended 9 completed");
  });

  test("deadlines: first token, silence within the stream, the whole request", async () => {
    const deadlines = { connect: 5, firstToken: 3, idle: 2, request: 10 };
    const steady = Array.from({ length: 20 }, (_, index) => 1 + index);
    const behaviours = [[], [1, 2.5], steady, [2.5, 4]];
    const stalling = ({ id }: Request): Behaviour => ({ tokens: behaviours[id] ?? [], ends: id === 3 ? 5 : 100 });
    const { records } = await play(inTurn(["a"], workloadOf(at(0, 0), at(1, 0), at(2, 0), at(3, 0)), 1), { a: stalling }, { deadlines });
    expect(records).toEqual([
      "a0 due 0 sent 0 ended 3.001 failed: first-token-timeout",
      "a1 due 0 sent 0 ended 4.501 failed: idle-timeout",
      "a2 due 0 sent 0 ended 10.001 failed: request-timeout",
      "a3 due 0 sent 0 ended 5 completed",
    ]);
  });

  test("a request has no longer for its first token than for all of it", async () => {
    const deadlines = { connect: 5, firstToken: 9, idle: 2, request: 3 };
    const { records } = await play(inTurn(["a"], workloadOf(at(0, 0)), 1), { a: () => ({ tokens: [], ends: 100 }) }, { deadlines });
    expect(records).toEqual(["a0 due 0 sent 0 ended 3.001 failed: request-timeout"]);
  });

  test("deadlines count from the attempt that was answered, as latencies do", async () => {
    const deadlines = { connect: 5, firstToken: 3, idle: 2, request: 10 };
    const again = () => ({ tokens: [], ends: 100, sentAgain: 0.5 });
    const { records } = await play(inTurn(["a"], workloadOf(at(0, 0)), 1), { a: again }, { deadlines });
    expect(records).toEqual(["a0 due 0 sent 0.5 ended 3.501 failed: first-token-timeout"]);
  });

  test("silence within the stream ends it in time, however long the first token might have taken", async () => {
    const deadlines = { connect: 5, firstToken: 120, idle: 2, request: 600 };
    const pausing = ({ id }: Request): Behaviour => ({ tokens: [[1], [1, 2.5, 9], [50]][id] ?? [], ends: [500, 9, 50][id] ?? 0 });
    const { records } = await play(inTurn(["a"], workloadOf(at(0, 0), at(1, 0), at(2, 0)), 1), { a: pausing }, { deadlines });
    expect(records).toEqual([
      "a0 due 0 sent 0 ended 3.001 failed: idle-timeout",
      "a1 due 0 sent 0 ended 4.501 failed: idle-timeout",
      "a2 due 0 sent 0 ended 50 completed",
    ]);
  });

  test("what came in time is in time also where it is read after the deadline, and what came late is not", async () => {
    const deadlines = { connect: 5, firstToken: 3, idle: 2, request: 10 };
    const read = ({ id }: Request): Behaviour => {
      if (id < 2) return { tokens: [3.0005, 3.5], stamped: id === 0 ? [2.9999, 3.5] : [3.0002, 3.5] };
      if (id < 4) return { tokens: [1, 3.0005, 3.5], stamped: id === 2 ? [1, 2.9999, 3.5] : [1, 3.0002, 3.5] };
      if (id < 6) return { tokens: [1], ends: 3.0005, endStamped: id === 4 ? 2.9999 : 3.0002 };
      if (id === 6) return { tokens: [1], ends: 3.0005, outcome: { kind: "failed", code: "error-event", message: "told before" } };
      return { tokens: [3.0005, 5.0004], stamped: [2.9999, 4.9998] };
    };
    const requests = [0, 1, 2, 3, 4, 5, 6, 7].map((id) => at(id, 0));
    const { records } = await play(inTurn(["a"], workloadOf(...requests), 1), { a: read }, { deadlines });
    expect(records).toEqual([
      "a0 due 0 sent 0 ended 3.5 completed",
      "a1 due 0 sent 0 ended 3.0005 failed: first-token-timeout",
      "a2 due 0 sent 0 ended 3.5 completed",
      "a3 due 0 sent 0 ended 3.0005 failed: idle-timeout",
      "a4 due 0 sent 0 ended 2.9999 completed",
      "a5 due 0 sent 0 ended 3.0002 failed: idle-timeout",
      "a6 due 0 sent 0 ended 3.0005 failed: error-event",
      "a7 due 0 sent 0 ended 5.0004 completed",
    ]);
  });

  test("when the experiment's time is up, everything still due has its record, which says so, also of what waits for what was dropped", async () => {
    const deadlines = { ...defaultDeadlines, experiment: 4 };
    const { records } = await play(
      inTurn(["a"], workloadOf(at(0, 0), at(1, 3), at(2, 6), after(3, 0, 9), after(4, 2), after(5, 1)), 1),
      { a: quick },
      { deadlines },
    );
    const reason = "dropped: the experiment's time of 4 s was up";
    expect(records).toEqual([
      "a0 due 0 sent 0 ended 2 completed",
      "a1 due 3 sent 3 ended 4 failed: request-timeout",
      `a2 due 6 ended 4 ${reason}`,
      `a4 due 6 ended 4 ${reason}`,
      `a3 due 11 ended 4 ${reason}`,
      `a5 due 4 ended 4 ${reason}`,
    ]);
  });

  test("of each user of a closed loop every request that the experiment's time did not reach says that it was up", async () => {
    const deadlines = { ...defaultDeadlines, experiment: 3 };
    const users = [0, 1].flatMap((user) => [at(user, 0), after(user + 2, user), after(user + 4, user + 2), after(user + 6, user + 4)]);
    const { records } = await play(inTurn(["a"], workloadOf(...users), 1), { a: quick }, { deadlines });
    const dropped = records.filter((record) => record.includes("dropped"));
    expect(dropped).toHaveLength(4);
    expect(dropped.filter((record) => !record.endsWith("dropped: the experiment's time of 3 s was up"))).toEqual([]);
  });

  test("a recorder that cannot write ends the run with its error, and nothing more is sent", async () => {
    const clocks: Clock[] = [];
    const prompts: string[] = [];
    const begun = (clock: Clock) => clocks.push(clock);
    const full = { due: () => 0, stamp: () => {}, texts: () => {}, reading: () => {} };
    const ended = () => {
      throw new Error("disk full");
    };
    const options = { recorder: { ...full, ended }, prompts, begun };
    await expect(play(inTurn(["a"], workloadOf(at(0, 0), at(1, 50)), 1), { a: quick }, options)).rejects.toThrow("disk full");
    await clocks[0]?.runUntil(Promise.resolve());
    expect(prompts).toHaveLength(1);
  });
});

describe("an interruption", () => {
  test("sends nothing more, records nothing more as due, and lets what is under way end", async () => {
    const interrupt = new AbortController();
    const { records } = await play(
      inTurn(["a", "b"], workloadOf(at(0, 0), after(1, 0), at(2, 5)), 1),
      { a: quick, b: quick },
      { signal: interrupt.signal, begun: (clock) => clock.at(1 * second, () => interrupt.abort()) },
    );
    expect(records).toEqual(["a0 due 0 sent 0 ended 2 completed"]);
  });

  test("while connections are opened is heard, and for a phase after it none are", async () => {
    for (const phases of [1, 2]) {
      const interrupt = new AbortController();
      const opened: number[] = [];
      const { records } = await play(
        inTurn(["a"], workloadOf(at(0, 0)), phases),
        { a: quick },
        { signal: interrupt.signal, opened, begun: () => queueMicrotask(() => interrupt.abort()) },
      );
      expect([records, opened]).toEqual([[], [1, 1]]);
    }
  });

  test("before the start records nothing", async () => {
    const interrupt = new AbortController();
    const agree = async () => {
      interrupt.abort();
      return second;
    };
    const { records } = await play(inTurn(["a"], workloadOf(at(0, 0), after(1, 7)), 1), { a: quick }, { signal: interrupt.signal, agree });
    expect(records).toEqual([]);
  });

  test("records nothing of who waits for the end of a pause", async () => {
    const interrupt = new AbortController();
    const { records } = await play(
      inTurn(["a"], workloadOf(at(0, 0), after(1, 0, 5)), 1),
      { a: quick },
      { signal: interrupt.signal, begun: (clock) => clock.at(3 * second, () => interrupt.abort()) },
    );
    expect(records).toEqual(["a0 due 0 sent 0 ended 2 completed"]);
  });

  test("waits 30 s at most", async () => {
    const interrupt = new AbortController();
    const { records } = await play(
      inTurn(["a"], workloadOf(at(0, 0)), 1),
      { a: () => ({ tokens: [1], ends: 50 }) },
      { signal: interrupt.signal, begun: (clock) => clock.at(1.02 * second, () => interrupt.abort()) },
    );
    expect(records).toEqual(["a0 due 0 sent 0 ended 31 cancelled"]);
  });

  test("and not only until the experiment's time is up", async () => {
    const interrupt = new AbortController();
    const { records } = await play(
      inTurn(["a"], workloadOf(at(0, 0), at(1, 5)), 1),
      { a: () => ({ tokens: [1, 9] }) },
      {
        signal: interrupt.signal,
        deadlines: { ...defaultDeadlines, experiment: 4 },
        begun: (clock) => clock.at(1.02 * second, () => interrupt.abort()),
      },
    );
    expect(records).toEqual(["a0 due 0 sent 0 ended 9 completed"]);
  });

  test("a second one ends everything at once", async () => {
    const [interrupt, kill] = [new AbortController(), new AbortController()];
    const { records } = await play(
      inTurn(["a"], workloadOf(at(0, 0), at(1, 1)), 1),
      { a: () => ({ tokens: [1], ends: 50 }) },
      {
        signal: interrupt.signal,
        kill: kill.signal,
        begun: (clock) => {
          clock.at(1.52 * second, () => interrupt.abort());
          clock.at(2.52 * second, () => kill.abort());
        },
      },
    );
    expect(records).toEqual(["a0 due 0 sent 0 ended 2.5 cancelled", "a1 due 1 sent 1 ended 2.5 cancelled"]);
  });
});

test("what becomes of each engine's requests is told in sums, one that was sent twice once", async () => {
  const { events } = await play(together(["a", "b"], workloadOf(at(0, 0), at(1, 5)), 1), {
    a: quick,
    b: () => ({ tokens: [3], sentAgain: 1 }),
  });
  const sums = { kind: "requests", experiment: 0, sent: 2, ended: 2, dropped: 0, failed: 0 };
  expect(events).toEqual([
    { ...sums, engine: "a", ttft: 1 },
    { ...sums, engine: "b", ttft: 2 },
  ]);
});

test("a hundred thousand requests over a day of virtual time are all there", async () => {
  const requests = Array.from({ length: 100_000 }, (_, id) => at(id, id * 0.8));
  const { records } = await play(inTurn(["a"], workloadOf(...requests), 1), { a: quick });
  expect(records).toHaveLength(100_000);
  expect(records.every((record) => record.endsWith("completed"))).toBe(true);
});

test("fifty thousand requests that wait for one another are all dropped when the experiment's time is up", async () => {
  const requests = Array.from({ length: 50_000 }, (_, id) => (id === 0 ? at(0, 0) : after(id, id - 1)));
  const deadlines = { ...defaultDeadlines, experiment: 3 };
  const { records } = await play(inTurn(["a"], workloadOf(...requests), 1), { a: quick }, { deadlines });
  expect(records).toHaveLength(50_000);
  expect(records.at(-1)).toBe("a49999 due 3 ended 3 dropped: the experiment's time of 3 s was up");
});
