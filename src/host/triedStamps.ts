import { connect, createServer } from "node:net";

import type { StampSource } from "../model/exchange.ts";
import { realClock } from "./realClock.ts";
import { receiveStamps } from "./receiveStamps.ts";
import { portOf } from "./unusedPort.ts";

/** Where nobody on a machine has asked for stamps, the kernel begins a moment after it was asked: so long bytes without one say nothing. */
const patienceMilliseconds = 1_000;
const pauseMilliseconds = 5;

/** Who stamps what this process receives, tried on a connection to itself: where the library is, a kernel or a sandbox may yet refuse. */
export async function triedStamps(): Promise<StampSource> {
  const stamps = receiveStamps(realClock());
  if (stamps.source === "read") return "read";
  const server = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  const port = await portOf(server, "127.0.0.1");
  const answered = Promise.withResolvers<void>();
  const onread = {
    buffer: Buffer.alloc(16),
    callback: () => {
      stamps.last();
      if (stamps.given.kernel > 0) answered.resolve();
      else setTimeout(() => socket.write("x"), pauseMilliseconds).unref();
      return true;
    },
  };
  const socket = connect({ port, host: "127.0.0.1", onread }, () => {
    stamps.watch(socket);
    socket.write("x");
  });
  socket.on("error", () => answered.resolve());
  const timer = setTimeout(() => answered.resolve(), patienceMilliseconds);
  await answered.promise;
  clearTimeout(timer);
  socket.destroy();
  server.close();
  return stamps.given.kernel > 0 ? "kernel" : "read";
}
