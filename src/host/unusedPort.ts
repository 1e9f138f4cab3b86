import { createServer, type Server } from "node:net";
import { getSystemErrorName } from "node:util";

import { HarnessError } from "../model/harnessError.ts";

/** On every address, since an engine may listen on any. */
export async function unusedPort(server: Server = createServer()): Promise<number> {
  const port = await portOf(server);
  await new Promise((onClosed) => server.close(onClosed));
  return port;
}

/** Of a server that listens from now on, on every address unless one is said. */
export async function portOf(server: Server, host?: string): Promise<number> {
  await new Promise<void>((onListening, onFailed) => {
    server.once("error", (error) => onFailed(noneLeft(error)));
    server.listen({ port: 0, ...(host === undefined ? {} : { host }) }, onListening);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server without a port");
  return address.port;
}

function noneLeft(cause: Error & { readonly errno?: number }): HarnessError {
  const why = cause.errno === undefined ? cause.message : getSystemErrorName(cause.errno);
  return new HarnessError("port-taken", `this machine has no free port to give (${why})`, {
    hint: "connections hold theirs for a minute after they were closed: wait for that, or raise net.ipv4.ip_local_port_range",
    cause,
  });
}
