import { connect, createServer, type AddressInfo } from "node:net";

import type { StampSource } from "../model/exchange.ts";
import { realClock } from "./realClock.ts";
import { receiveStamps } from "./receiveStamps.ts";

/** Far longer than a byte takes to oneself. */
const patienceMilliseconds = 2_000;

/** Who stamps what this process receives, tried on a connection to itself: where the library is, a kernel or a sandbox may yet refuse. */
export async function triedStamps(): Promise<StampSource> {
  const stamps = receiveStamps(realClock());
  const server = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP, so it is not a path
  const answered = Promise.withResolvers<void>();
  const onread = {
    buffer: Buffer.alloc(16),
    callback: () => {
      stamps.last();
      answered.resolve();
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
