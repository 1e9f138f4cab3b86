import { expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import { journalOfNothing } from "../journal/write.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import { drive } from "./drive.ts";
import { httpLine } from "./httpLine.ts";
import { inTurn } from "./order.ts";
import { chatText, chunkOf, done, lastChunk, plainRequest, streamHead, testServer } from "./testServer.ts";

test("a server is left no connections that nobody needs: it may keep a thread for each until it says something", async () => {
  // One after the other: a reply every 50 ms takes next to no time.
  await using server = await testServer((socket) => void socket.write(streamHead + chunkOf(chatText("a") + done) + lastChunk));
  const clock = realClock();
  const wire = { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false } as const;
  const line = httpLine({ url: server.url, wire, servedModel: "m", clock });
  const requests = Array.from({ length: 24 }, (_, id) => plainRequest({ id, arrival: { kind: "at", offset: id / 20 } }));
  const phases = inTurn(["a"], { kind: "test", options: {}, seed: 1, requests }, 1);
  using recorder = journalOfNothing({ worker: 1 });
  const { signal } = new AbortController();
  await drive({ experiment: 0, phases, lines: { a: line }, clock, deadlines: defaultDeadlines, recorder, signal, keepText: false });
  line.close();
  // One, and another where a reply was slow, or this thread.
  expect(server.connections()).toBeLessThanOrEqual(4);
});
