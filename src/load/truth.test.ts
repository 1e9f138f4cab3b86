import { fork } from "node:child_process";
import { once } from "node:events";

import { expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import { preferThisThread } from "../host/thisThread.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Recorder } from "../model/recorder.ts";
import { drive } from "./drive.ts";
import { httpLine } from "./httpLine.ts";
import { inTurn } from "./order.ts";
import { inQuietMoment, shareLate, watchedProcess } from "./quietMoment.ts";
import { rehearse } from "./rehearsal.ts";
import { plainRequest } from "./testServer.ts";
import type { TruthOptions, WrittenTruth } from "./truthServer.ts";

const milliseconds = 1e6;
/** The server is one in Node, late by some of that itself; `npm run bench` has one in C. */
const tolerance = 2 * milliseconds;

test("64 streams of 50 tokens/s: every token counted, stamps within 2 ms of the server's own writes at p99", async (context) => {
  preferThisThread(); // as every load thread does
  await inQuietMoment(context, async () => {
    const { errors, heldUp } = await playAgainstTruth({ streams: 64, tokens: 60, over: 1 });
    const found = `stamp error ms: p50 ${ms(at(errors, 0.5))}, p99 ${ms(at(errors, 0.99))}, max ${ms(at(errors, 1))}`;
    console.log(found);
    expect(errors).toHaveLength(64 * 60);
    expect(errors[0]).toBeGreaterThan(0);
    return { isMet: at(errors, 0.99) < tolerance, heldUp, found };
  });
}, 60_000);

interface Truth {
  /** Receive stamp minus write stamp of every token, ascending. */
  readonly errors: readonly number[];
  /** Share of the moments in which this process or the server's could not run for half of the tolerance. */
  readonly heldUp: number;
}

async function playAgainstTruth({ streams, tokens, over }: { streams: number; tokens: number; over: number }): Promise<Truth> {
  const clock = realClock();
  await rehearse({ clock, recorders: [tokenStamps(new Map())] }); // as every load thread does
  const truth: TruthOptions = { origin: clock.origin, tokens, firstAfterMs: 100, everyMs: 20 };
  const server = fork(new URL("truthServer.ts", import.meta.url).pathname, [JSON.stringify(truth)], { execArgv: ["--single-threaded-gc"] });
  try {
    const [port] = await once(server, "message");
    const received = new Map<number, number[]>();
    const line = httpLine({
      url: `http://127.0.0.1:${port}`,
      wire: { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false },
      servedModel: "m",
      clock,
    });
    const requests = Array.from({ length: streams }, (_, id) =>
      plainRequest({
        id,
        arrival: { kind: "at", offset: (id * over) / streams },
        messages: [{ role: "user", parts: [{ kind: "passage", text: `stream ${id} `, tokenIds: [] }] }],
      }),
    );
    const phases = inTurn(["truth"], { kind: "truth", options: {}, seed: 0, requests }, 1);
    const process = watchedProcess(clock);
    const options = { experiment: 0, phases, lines: { truth: line }, clock, deadlines: defaultDeadlines, keepText: false };
    await drive({ ...options, recorder: tokenStamps(received), signal: new AbortController().signal });
    line.close();
    const heldUpHere = process.stop(tolerance / 2);
    server.send("stamps");
    const [{ stamps, late }] = (await once(server, "message")) as [WrittenTruth]; // sent by truthServer.ts
    const errors = [...received].flatMap(([id, ours]) => ours.map((stamp, index) => stamp - (stamps[id]?.[index] ?? Number.NaN)));
    return { errors: errors.sort((a, b) => a - b), heldUp: heldUpHere + shareLate(late, tolerance / 2) };
  } finally {
    server.disconnect();
  }
}

function tokenStamps(received: Map<number, number[]>): Recorder {
  return {
    due: ({ request }) => (received.set(request, []), request),
    stamp: (exchange, kind, at) => {
      if (kind === "text") received.get(exchange)?.push(at);
    },
    texts: (exchange, at, events) => received.get(exchange)?.push(...Array.from({ length: events }, () => at)),
    ended: (_, __, { outcome }) => expect(outcome).toEqual({ kind: "completed" }),
    reading: () => {},
  };
}

function at(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? Number.NaN;
}

function ms(time: number): string {
  return (time / milliseconds).toFixed(3);
}
