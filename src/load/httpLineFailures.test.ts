import { afterEach, expect, test } from "vitest";

import { realClock } from "../host/realClock.ts";
import type { Wire } from "../model/engine.ts";
import type { Line } from "../model/exchange.ts";
import { completed, failed } from "../model/outcome.ts";
import { httpLine } from "./httpLine.ts";
import { chatText, chunkOf, done, exchange, lastChunk, plainRequest, streamHead, testServer } from "./testServer.ts";

const open: Line[] = [];
afterEach(() => {
  for (const line of open.splice(0)) line.close();
});

const chat: Wire = { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false };

function lineTo(url: string, wire = chat): Line {
  const line = httpLine({ url, wire, servedModel: "m", clock: realClock() });
  open.push(line);
  return line;
}

function replyWith(text: string): string {
  return streamHead + chunkOf(chatText(text) + done) + lastChunk;
}

test("after a 408 that a server had written before it read the request, the next request gets its own reply", async () => {
  await using server = await testServer((socket, _, count) => {
    if (count === 1) socket.write("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n");
    setTimeout(() => socket.write(replyWith(`reply ${count} of its connection`)), 20 * count);
  });
  const line = lineTo(server.url);
  await line.open(1);
  const heard = [];
  for (let request = 0; request < 3; request++) heard.push(await exchange(line, plainRequest(), true));
  const endings = heard.map(({ ended }) => ended.ending);
  expect(endings.map(({ outcome }) => outcome)).toEqual([completed, failed("http-status", "HTTP 408"), completed]);
  expect(endings[2]?.text).toBe("reply 0 of its connection"); // and not 1 of the other, which was the true one of the request before
});
