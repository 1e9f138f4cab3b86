import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";

import { expect, onTestFinished, test } from "vitest";

import { bench } from "../launch/fixture.ts";

/** For the figures in docs/proof.md: so many windows of so many seconds, printed. Else as few as it takes. */
const asked = process.env["TANDEM_PROBES"]?.split("x").map(Number);
const [windows = 4, seconds = 4] = asked ?? [];

/** Of a core. Said to be 0.01; the rest is for machines that others are at work on, and a quiet window is enough. */
const most = 0.015;

test.runIf(process.platform === "linux")(
  "two engines with everything that is read of them cost next to nothing",
  { timeout: 30_000 + windows * seconds * 1_000 },
  async () => {
    using at = bench();
    const urls = [await vllmPages(), await vllmPages()];
    writeFileSync(at.file("probing.ts"), probing(urls));
    const child = spawn(process.execPath, ["--single-threaded-gc", at.file("probing.ts")], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const shares: number[] = [];
    for await (const line of createInterface(child.stdout)) {
      shares.push(Number(line));
      if (shares.length === windows || (asked === undefined && Number(line) < most)) break;
    }
    if (asked !== undefined) console.log(`% of a core: ${shares.map((share) => (share * 100).toFixed(2)).join(", ")}`);
    expect(Math.min(...shares)).toBeLessThan(most);
  },
);

/** Pages of a vLLM, as recorded. */
async function vllmPages(): Promise<string> {
  const page = readFileSync(new URL("../probes/recorded/vllm-lmcache-cpu.metrics.txt", import.meta.url));
  const server = createServer((request, response) => response.end(request.url === "/metrics" ? page : ""));
  await new Promise<void>((onListening) => server.listen(0, "127.0.0.1", onListening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP
}

/** A program that prints, of each window, the share of a core that its probes took. It starts to count when all is loaded and compiled. */
function probing(urls: readonly string[]): string {
  const source = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  return `
    import { setTimeout as pause } from "node:timers/promises";
    import { vllm } from ${source("../engines/vllm.ts")};
    import { health } from ${source("../launch/health.ts")};
    import { strangersOn } from ${source("../launch/port.ts")};
    import { portWatch } from ${source("../launch/portWatch.ts")};
    import { engineMetrics } from ${source("../probes/engineMetrics.ts")};
    import { eventLoop } from ${source("../probes/eventLoop.ts")};
    import { hostLoad } from ${source("../probes/hostLoad.ts")};
    const clock = { now: () => Number(process.hrtime.bigint()) };
    const tell = (event) => console.error(event);
    const engines = ${JSON.stringify(urls)}.map((url) => ({
      name: url, engine: vllm({ model: "tiny" }), reach: { kind: "http", url, acceptAnyCertificate: false }, facts: {}, servedModel: "tiny",
      died: new Promise(() => {}), strangers: strangersOn(Number(new URL(url).port), async () => []),
    }));
    const ofEngines = engines.flatMap((engine) => engineMetrics(clock, engine));
    const probes = [hostLoad(clock), eventLoop(clock), ...ofEngines, health(engines, [], { clock, tell }).probe, portWatch(engines, { tell })];
    const readings = [];
    for (const probe of probes) await probe.start((reading) => readings.push(reading));
    setInterval(() => {}, 1e9);
    await pause(5_000);
    for (;;) {
      const [from, before, read] = [performance.now(), process.cpuUsage(), readings.length];
      await pause(${seconds * 1_000});
      const { user, system } = process.cpuUsage(before);
      if (readings.length === read) throw new Error("nothing was read");
      console.log((user + system) / 1e3 / (performance.now() - from));
    }`;
}
