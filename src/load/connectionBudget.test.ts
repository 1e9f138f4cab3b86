import { expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import { ConnectionBudget } from "./connectionBudget.ts";
import { httpLine } from "./httpLine.ts";
import { chatText, chunkOf, done, exchange, lastChunk, streamHead, testServer } from "./testServer.ts";

const chat = { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false } as const;

test("beyond what the process can open, requests fail as exhausted, and what was closed makes room again", async () => {
  let closed = 0;
  await using server = await testServer((socket) => {
    socket.once("close", () => closed++);
    setTimeout(() => socket.end(streamHead + chunkOf(chatText("a") + done) + lastChunk), 100);
  });
  const line = httpLine({ url: server.url, wire: chat, servedModel: "tiny", clock: realClock(), budget: new ConnectionBudget(4) });
  const heard = await Promise.all(Array.from({ length: 8 }, async () => exchange(line)));
  const outcomes = heard.map(({ ended }) => ended.ending.outcome);
  const exhausted = outcomes.filter((outcome) => outcome.kind === "failed" && outcome.code === "exhausted").length;
  expect(exhausted).toBeGreaterThanOrEqual(4);
  expect(outcomes.filter(({ kind }) => kind === "completed")).toHaveLength(8 - exhausted);
  expect(exhausted).toBeLessThan(8);
  await expect.poll(() => closed).toBe(8 - exhausted); // at the server, so before that at ours
  expect((await exchange(line)).ended.ending.outcome).toEqual({ kind: "completed" });
  line.close();
});
