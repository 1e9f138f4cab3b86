import { connect, createServer, type Socket } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { fileOf } from "./fileOf.ts";
import { kernelSend } from "./native.ts";
import { portOf } from "./unusedPort.ts";

const send = kernelSend() ?? (() => 0);

test.runIf(kernelSend() !== undefined)(
  "a socket takes as many bytes as it has room for, none where it has no room, and none where it is broken",
  async () => {
    const { file, accepted } = await connected();
    accepted.pause();
    const bytes = Buffer.alloc(1_000_000);
    const takenOf = () => Array.from({ length: 100 }, () => send(file, bytes));
    const taken = takenOf();
    await expect.poll(() => takenOf().at(-1)).toBe(0);
    expect(taken[0]).toBeGreaterThan(0);
    expect(Math.min(...taken)).toBe(0);
    accepted.resetAndDestroy();
    await expect.poll(() => send(file, bytes)).toBe(0);
  },
);

async function connected(): Promise<{ readonly file: number; readonly accepted: Socket }> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const server = createServer((socket) => resolve(socket.on("error", () => {})));
  const port = await portOf(server, "127.0.0.1");
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  const accepted = await promise;
  return { file: fileOf(socket) ?? -1, accepted };
}
