import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

import { expect, test } from "vitest";

import { thisMachine } from "../host/thisMachine.ts";
import type { ProcessInfo, RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { bench, until, type Bench } from "./fixture.ts";
import { strangersOn } from "./port.ts";
import { portWatch } from "./portWatch.ts";
import { processLauncher } from "./process.ts";

const place = thisMachine();

test.runIf(process.platform === "linux")("whoever comes to listen on an engine's port is told once, by process and program", async () => {
  await using running = await sharing();
  const { probe, told } = watching(running.engine);
  await probe.start(() => {});
  await pause(200);
  expect(told).toEqual([]);
  await using stranger = await listening(running);
  await until(() => told.length > 0);
  await pause(200);
  await probe.stop();
  const message = `shares its port ${running.port} with process ${stranger.pid} (${process.execPath} ${running.at.file("shares.mjs")} ${running.port})`;
  expect(told).toEqual([{ kind: "portShared", engine: "plain", message }]);
});

test.runIf(process.platform === "linux")(
  "one who is there at an edge of an experiment is told in that one, and again in the next",
  async () => {
    await using running = await sharing();
    const { probe, told } = watching(running.engine, 60);
    await probe.start(() => {});
    await using _stranger = await listening(running);
    await probe.stop();
    expect(told).toHaveLength(1);
    await probe.start(() => {});
    await probe.stop();
    expect(told).toHaveLength(2);
  },
);

test.runIf(process.platform === "linux")("workers of its own that listen there too are no strangers", async () => {
  await using running = await sharing();
  const { probe, told } = watching(running.engine);
  await probe.start(() => {});
  await fetch(`http://127.0.0.1:${running.port}/worker`);
  await until(async () => (await place.listeners(running.port)).length === 2);
  await pause(200);
  await probe.stop();
  expect(told).toEqual([]);
});

test.runIf(process.platform === "linux")("a server that its own program starts anew is told, once", async () => {
  await using running = await sharing();
  const { probe, told } = watching(running.engine);
  await probe.start(() => {});
  await fetch(`http://127.0.0.1:${running.port}/again`);
  await until(() => told.length > 0);
  await pause(200);
  await probe.stop();
  expect(told).toEqual([{ kind: "restarted", engine: "plain", message: `its program has opened its port ${running.port} anew` }]);
});

test.runIf(process.platform === "linux")("who listens is looked for again only when somebody new does", async () => {
  await using running = await sharing();
  const looks: ProcessInfo[][] = [];
  const strangers = strangersOn(running.port, async () => {
    looks.push([]);
    return [];
  });
  for (let second = 0; second < 3; second++) await strangers();
  expect(looks).toHaveLength(1);
  await using _stranger = await listening(running);
  for (let second = 0; second < 3; second++) await strangers();
  expect(looks).toHaveLength(2);
});

test.runIf(process.platform === "linux")(
  "a launcher that can no longer tell whose processes they are tells of nobody, and ends nothing",
  async () => {
    await using running = await sharing();
    const strangers = async () => Promise.reject(new Error("connect ENOENT /var/run/docker.sock"));
    const { probe, told } = watching({ ...running.engine, strangers });
    await probe.start(() => {});
    await pause(200);
    await probe.stop();
    expect(told).toEqual([]);
  },
);

function watching(engine: RunningEngine, everySeconds = 0.05) {
  const told: RunEvent[] = [];
  return { probe: portWatch([engine], { tell: (event) => void told.push(event), everySeconds }), told };
}

interface Sharing extends AsyncDisposable {
  readonly at: Bench;
  readonly engine: RunningEngine;
  readonly port: number;
}

/** An engine that lets others of its user listen on its port, as vLLM does, and brings up a worker that does when it is asked for /worker. */
async function sharing(): Promise<Sharing> {
  const at = bench();
  writeFileSync(
    at.file("shares.mjs"),
    `import { spawn } from "node:child_process";
    import { createServer } from "node:http";
    const replies = { "/health": {}, "/v1/models": { data: [{ id: "tiny" }] }, "/v1/completions": { choices: [{ text: "a" }] } };
    const server = createServer((request, response) => {
      if (request.url === "/worker") spawn(process.execPath, process.argv.slice(1), { stdio: "ignore" });
      if (request.url === "/again") server.close(() => setTimeout(listen, 100));
      response.setHeader("connection", "close").end(JSON.stringify(replies[request.url] ?? {}));
    });
    const listen = () => server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", reusePort: true }, () => console.log("up"));
    listen();`,
  );
  const port = await place.freePort();
  const command = { args: [at.file("shares.mjs"), String(port)] };
  const engine = await processLauncher(place).launch(at.order(at.engine("answers", { command }), { port }));
  return {
    at,
    engine,
    port,
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      at[Symbol.dispose]();
    },
  };
}

/** A second one of these that nobody of us has started. */
async function listening({ at, port }: Sharing) {
  const stranger = spawn(process.execPath, [at.file("shares.mjs"), String(port)], { stdio: ["ignore", "pipe", "ignore"] });
  await once(stranger.stdout, "data");
  return {
    pid: stranger.pid,
    [Symbol.asyncDispose]: async () => {
      const ended = once(stranger, "exit");
      stranger.kill("SIGKILL");
      await ended;
    },
  };
}
