import { once } from "node:events";
import { createServer, Server, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { portOf, unusedPort } from "./unusedPort.ts";

test("a machine without a free port is told as such, with what to do, and is no bug of ours", async () => {
  const taken = createServer().listen(0);
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo; // TCP has one
  /** As where none is left: whatever is asked for is taken. */
  class Crowded extends Server {
    override listen(_asked?: unknown, listening?: unknown): this {
      return super.listen(port, listening as () => void);
    }
  }
  for (const asking of [unusedPort(new Crowded()), portOf(new Crowded(), "127.0.0.1")])
    await expect(asking).rejects.toMatchObject({
      code: "port-taken",
      message: "this machine has no free port to give (EADDRINUSE)",
      hint: expect.stringContaining("net.ipv4.ip_local_port_range") as string,
    });
  taken.close();
});
