import { spawn } from "node:child_process";
import { once } from "node:events";

import { expect, test } from "vitest";

import { listeningOn } from "./listeningSockets.ts";
import { hasEnded, processEntry } from "./processTable.ts";

test.runIf(process.platform === "linux")("whoever has ended holds no port any more, however its threads were scheduled", async () => {
  const source = `const server = require("node:net").createServer().listen(0, "127.0.0.1", () => console.log(server.address().port));`;
  for (let time = 0; time < 10; time++) {
    const listening = spawn(process.execPath, ["-e", source], { stdio: ["ignore", "pipe", "ignore"] });
    const ended = once(listening, "exit");
    const [port] = await once(listening.stdout, "data");
    listening.kill("SIGKILL");
    // Without letting go of the event loop, which would read that it has ended once all its threads have.
    for (let its = processEntry(listening.pid ?? 0); its !== undefined && !hasEnded(its);) its = processEntry(its.pid);
    expect(listeningOn(Number(port))?.size).toBe(0);
    await ended;
  }
});
