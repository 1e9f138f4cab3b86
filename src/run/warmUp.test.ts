import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import { httpLine } from "../load/httpLine.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { unmeasuredDeadlines } from "./unmeasured.ts";
import { warmUp } from "./warmUp.ts";

const wire = { api: "completions", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false } as const;

/** What a server is asked and what is told while it is warmed up; it answers `answered` requests, and then no more. */
async function warmed(answered: number, { firstToken, contextLimit = Infinity }: { firstToken: number; contextLimit?: number }) {
  const words: number[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += String(piece);
    words.push(
      body
        .split(/"prompt":"/)[1]
        ?.trim()
        .split(" ").length ?? 0,
    );
    if (words.length <= answered) response.writeHead(200, { "content-type": "text/event-stream" }).end(answer);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const clock = realClock();
  const line = httpLine({ url: `http://127.0.0.1:${port}`, wire, servedModel: "m", clock });
  const told: RunEvent[] = [];
  const within = { ...defaultDeadlines, firstToken };
  const usage = await warmUp(
    { slow: line },
    {
      clock,
      stop: new AbortController().signal,
      tell: (event) => told.push(event),
      deadlines: { first: within, later: within },
      contextLimit,
    },
  );
  line.close();
  server.closeAllConnections();
  server.close();
  return { told, usage, words };
}

const answer =
  'data: {"choices":[{"index":0,"text":"a"}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\ndata: [DONE]\n\n';

test("an engine that does not answer is given up at its deadlines; that it is waited for is told after 3 s, and what its first request came to", async () => {
  const from = performance.now();
  const { told, usage } = await warmed(0, { firstToken: 3.2 });
  expect(performance.now() - from).toBeLessThan(8_000);
  expect(told).toEqual([
    { kind: "warmingUp", engine: "slow", atMost: 6.4 },
    {
      kind: "warning",
      message:
        "engine slow: a request to warm it up, which is not measured, failed: no token within 3.2 s (first-token-timeout); the first that is measured may meet the same",
    },
  ]);
  expect([...usage]).toEqual([]);
}, 10_000);

test("nothing is told of an engine that answers, which is asked for no more than it takes", async () => {
  const { told, usage, words } = await warmed(2, { firstToken: 5, contextLimit: 512 });
  expect(told).toEqual([]);
  expect([...usage]).toEqual([["slow", true]]);
  expect(words).toHaveLength(2);
  for (const count of words) expect(count).toBeLessThan(512);
});

test("what is not measured may take as long as the most patient experiment allows, and the first of it half a minute", () => {
  const experiments = [
    { firstToken: 2, idle: 1 },
    { firstToken: 3, idle: 0.5, request: 20 },
  ].map((deadlines) => ({
    experiment: { deadlines: { ...defaultDeadlines, ...deadlines } },
  }));
  expect(unmeasuredDeadlines(experiments)).toEqual({
    first: { connect: 5, firstToken: 30, idle: 1, request: 31 },
    later: { connect: 5, firstToken: 3, idle: 1, request: 4 },
  });
  const usual = { connect: 5, firstToken: 120, idle: 60, request: 180 };
  expect(unmeasuredDeadlines([{ experiment: { deadlines: defaultDeadlines } }])).toEqual({ first: usual, later: usual });
});
