// Redis and its sentinels for real: Debian's packages redis-server and redis-sentinel. Started by the tests themselves, on free ports.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";

import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { redis } from "../engines/services/redis.ts";
import { redisSentinel } from "../engines/services/redisSentinel.ts";
import { valkey } from "../engines/services/valkey.ts";
import { thisMachine } from "../host/thisMachine.ts";
import type { Engine } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Service, Services } from "../model/service.ts";
import { askRedis } from "./askRedis.ts";
import { ampleSeconds, bench, isAlive, lateEnd, programs, until, type Bench } from "./fixture.ts";
import { health } from "./health.ts";
import { addressOf, neededServices, slotServices, type SlottedService } from "./neededServices.ts";
import { startServices, type RunningServices, type ServicesOrder } from "./services.ts";

const place = thisMachine();
const hasRedis = (await place.has("redis-server", pathOnly())) && (await place.has("redis-sentinel", pathOnly()));
if (!hasRedis) {
  const missing = "redis-server and redis-sentinel are not here (Debian and Ubuntu: apt-get install redis-server redis-sentinel)";
  if (process.env["TANDEM_SKIP_NOTHING"] === "1") throw new Error(missing);
  console.warn(`SKIPPED: the tests of real Redis: ${missing}`);
}

let at: Bench;
beforeEach(() => {
  at = bench();
});
afterEach(() => at[Symbol.dispose]());

function pathOnly(): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "" };
}

async function slotted(services: Services, engine = "cached"): Promise<readonly SlottedService[]> {
  const declared: Engine = { ...at.engine("answers"), services: () => services };
  const needed = neededServices([{ name: engine, engine: declared, world: { configFiles: {} } }]);
  return slotServices(needed, { freePort: async () => place.freePort(), directory: (name) => at.file(`${name}/scratch`) });
}

async function start(services: readonly SlottedService[], change: Partial<ServicesOrder> = {}): Promise<RunningServices> {
  const { clock, tell, signal } = at.order(at.engine("answers"), {});
  return startServices(services, { place, clock, tell, signal, logDirectory: (name) => at.file(name), ...change });
}

async function startError(services: Services, change: Partial<ServicesOrder> = {}): Promise<HarnessError> {
  const outcome = await start(await slotted(services), change).catch((error: unknown) => error);
  if (!(outcome instanceof HarnessError)) throw new Error("they were started, or failed in another way", { cause: outcome });
  return outcome;
}

async function answer(services: readonly SlottedService[], name: string, command: string): Promise<string> {
  const service = services.find((one) => one.name === name);
  if (service === undefined) throw new Error(`no service ${name}`);
  const { host, ports } = addressOf(service);
  return askRedis({ host, port: Object.values(ports)[0] ?? 0, command, within: 2 });
}

/** A service of a Node program that is told its port. */
function program(name: string, source: string, change: Partial<Service> = {}): Service {
  writeFileSync(at.file(`${name}.mjs`), source);
  return {
    name,
    kind: name,
    needs: {},
    launch: {
      kind: "process",
      ports: ["main"],
      command: ({ ports }) => ({ program: "node", args: [at.file(`${name}.mjs`), String(ports["main"])], env: {} }),
      missing: "install it",
    },
    ready: { check: { kind: "http", port: "main", path: "/healthcheck" }, within: 10 },
    ...change,
  };
}

const listens = `
  import { createServer } from "node:http";
  import { writeFileSync } from "node:fs";
  writeFileSync("pid", String(process.pid));
  createServer((request, response) => response.writeHead(request.url === "/healthcheck" ? 200 : 404).end()).listen(Number(process.argv[2]), "127.0.0.1");`;

describe.runIf(hasRedis)("real Redis", () => {
  test("is up once it answers a PING, empty, in a directory of its own, and gone once it is disposed", async () => {
    const services = await slotted({ redis: redis() });
    const running = await start(services);
    expect(await answer(services, "cached.redis", "DBSIZE")).toBe(":0");
    expect(await answer(services, "cached.redis", "CONFIG GET dir")).toContain(at.file("cached.redis/scratch"));
    expect(readFileSync(at.file("cached.redis/stdout.log"), "utf8")).toContain("Ready to accept connections");
    await running[Symbol.asyncDispose]();
    await expect(answer(services, "cached.redis", "PING")).rejects.toThrow("ECONNREFUSED");
    expect(at.told.map(({ kind }) => kind)).toEqual(["serviceStarting", "serviceReady", "serviceGone"]);
  });

  test("two engines that ask for the same have two, and never see each other's keys", async () => {
    const services = [...(await slotted({ redis: redis() }, "one")), ...(await slotted({ redis: redis() }, "other"))];
    await using _running = await start(services);
    await answer(services, "one.redis", "SET key value");
    expect(await answer(services, "one.redis", "DBSIZE")).toBe(":1");
    expect(await answer(services, "other.redis", "DBSIZE")).toBe(":0");
  });

  test("a master, its replica and three sentinels are up once each sentinel finds a quorum, and replicas have what the master has", async () => {
    const services = await slotted(redisSentinel());
    await using _running = await start(services);
    expect(at.told.flatMap((event) => (event.kind === "serviceReady" ? [event.service] : [])).slice(0, 2)).toEqual([
      "cached.redis-master",
      "cached.redis-replica",
    ]);
    const [master] = services;
    expect(await answer(services, "cached.sentinel-2", "SENTINEL CKQUORUM redismaster")).toContain("OK 3 usable Sentinels");
    await answer(services, "cached.redis-master", "SET key value");
    await until(async () => (await answer(services, "cached.redis-replica", "GET key")).endsWith("value"));
    expect(readFileSync(at.file("cached.sentinel-1/scratch/server.conf"), "utf8")).toContain(`127.0.0.1 ${master?.slot.ports["redis"]} 2`);
  });

  test("Valkey is asked in the same way", async () => {
    const services = await slotted({ store: valkey({ program: "redis-server" }) }); // it answers as Valkey does
    await using _running = await start(services);
    expect(await answer(services, "cached.valkey", "PING")).toBe("+PONG");
  });

  test("one that is running already is looked at and left alone", async () => {
    const theirs = await slotted({ redis: redis() }, "theirs");
    await using _theirs = await start(theirs);
    const address = `127.0.0.1:${theirs[0]?.slot.ports["redis"]}`;
    const ours = await slotted({ redis: redis({ at: address }) });
    const running = await start(ours);
    await running[Symbol.asyncDispose]();
    expect(await answer(theirs, "theirs.redis", "PING")).toBe("+PONG");
    expect(at.told).toContainEqual({ kind: "serviceReady", service: "cached.redis", after: expect.any(Number), address });
  });

  test("one that wants a password is told so, and taken with it; the password is nowhere, and gone with its file", async () => {
    const theirs = await slotted({ redis: redis({ password: "s3cret-word" }) }, "theirs");
    await using theirsRunning = await start(theirs);
    const where = `127.0.0.1:${theirs[0]?.slot.ports["redis"]}`;
    const error = await startError({ redis: redis({ at: where }) });
    expect(error.message).toContain(`service cached.redis is said to run at ${where}, but PING is answered with an error: NOAUTH`);
    const refused = await startError({ redis: redis({ at: where, password: "another-word" }) });
    expect(refused.message).toContain("WRONGPASS");
    await using _ours = await start(await slotted({ redis: redis({ at: where, password: "s3cret-word" }) }));
    expect(JSON.stringify([at.told, error.message, refused.message])).not.toMatch(/s3cret-word|another-word/);
    await theirsRunning[Symbol.asyncDispose]();
    expect(readdirSync(at.file("theirs.redis/scratch"))).toEqual([]);
  });

  test("stopped in the middle of a run it is told as unwell, and as well again", async () => {
    const services = await slotted({ redis: redis() });
    await using running = await start(services);
    const pid = Number(/process_id:(\d+)/.exec(await answer(services, "cached.redis", "INFO server"))?.[1]);
    const { clock, tell } = at.order(at.engine("answers"), {});
    const { probe } = health([], running.up, { clock, tell, everySeconds: 0.05, patience: 0.2 });
    await probe.start(() => {});
    process.kill(pid, "SIGSTOP");
    await until(() => at.told.some(({ kind }) => kind === "unwell"));
    process.kill(pid, "SIGCONT");
    await until(() => at.told.some(({ kind }) => kind === "wellAgain"));
    await probe.stop();
    const unwell = { kind: "unwell", name: "cached.redis", engines: ["cached"], message: "PING is not answered (no answer in time)" };
    expect(at.told).toContainEqual({ ...unwell, lasted: expect.any(Number) });
  });

  test("put into the background by its start script it is told so, and ended", async () => {
    writeFileSync(at.file("redis.sh"), '#!/bin/sh\nredis-server "$1" --daemonize yes\n', { mode: 0o755 });
    const error = await startError({ redis: redis({ program: at.file("redis.sh") }) });
    const [, pid] = /exited with status 0 before it was ready, and process (\d+) \(redis-server/.exec(error.message) ?? [];
    expect(error.hint).toContain("daemonize no");
    expect(isAlive(Number(pid))).toBe(false);
  });

  test("killed in the middle of a run it is told at once, with whom it concerns and its last lines", async () => {
    const services = await slotted({ redis: redis() });
    await using running = await start(services);
    expect(running.death()).toBeUndefined();
    const pid = Number(/process_id:(\d+)/.exec(await answer(services, "cached.redis", "INFO server"))?.[1]);
    const from = performance.now();
    process.kill(pid, "SIGKILL");
    await until(() => running.death() !== undefined);
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(at.told).toContainEqual({
      kind: "serviceDied",
      service: "cached.redis",
      engines: ["cached"],
      message: expect.stringMatching(/was ended by SIGKILL\n(?:.*\n)*.*Ready to accept connections/),
    });
    expect(running.death()?.exitCode).toBe(3);
  });
});

test("a service that is not running where it is said to is told before anything boots", async () => {
  const port = await place.freePort();
  const error = await startError({ redis: redis({ at: `127.0.0.1:${port}` }) }, {});
  expect(error).toMatchObject({ code: "unreachable", message: expect.stringContaining(`is said to run at 127.0.0.1:${port}`) });
  expect(error.message).toContain("ECONNREFUSED");
}, 15_000);

test("a program that is not there is told as missing, with who needs it and how to get it", async () => {
  const error = await startError({ redis: redis({ program: "no-such-redis" }) });
  expect(error.code).toBe("engine-missing");
  expect(error.message).toBe("service cached.redis, which cached needs, is the program no-such-redis, and it is not here");
  expect(error.hint).toContain("apt-get install redis-server");
});

test("one that the system does not start is told with what the system answers", async () => {
  const launch = program("long", "").launch as Extract<Service["launch"], { kind: "process" }>; // as program makes it
  const long = { ...launch, command: () => ({ program: "node", args: ["x".repeat(200_000)], env: {} }) };
  const error = await startError({ long: program("long", "", { launch: long }) });
  expect(error).toMatchObject({ code: "engine-missing", message: "service cached.long: node is here but cannot be started (E2BIG)" });
});

test("a crash at the start is told at once with its last lines, and ends the services that were up", async () => {
  const good = program("good", listens);
  const bad = program("bad", `console.error("cannot allocate"); process.exit(3);`, { needs: { good } });
  const error = await startError({ good, bad });
  expect(error.message).toContain("service cached.bad exited with status 3 before it was ready");
  expect(error.message).toContain("  | cannot allocate");
  expect(isAlive(Number(at.written("cached.good/scratch/pid")))).toBe(false);
  expect(at.told.flatMap((event) => ("service" in event ? [`${event.kind} ${event.service}`] : []))).toEqual([
    "serviceStarting cached.good",
    "serviceReady cached.good",
    "serviceStarting cached.bad",
    "serviceNotUp cached.bad",
    "serviceGone cached.good",
  ]);
});

test("a crash at the start is told within 200 ms, before what it has left is ended", async () => {
  const moments: { late: number; workerLives: boolean }[] = [];
  const tell = ({ kind }: RunEvent) => {
    if (kind !== "serviceNotUp") return;
    const [endedAt, worker] = ["ended-at", "worker"].map((name) => Number(at.written(`cached.crashes/scratch/${name}`)));
    moments.push({ late: Date.now() - (endedAt ?? 0), workerLives: isAlive(worker ?? 0) });
  };
  const before = await lateEnd();
  await startError({ crashes: program("crashes", programs.crashes) }, { tell });
  expect(moments).toEqual([{ late: expect.any(Number), workerLives: true }]);
  expect(moments[0]?.late).toBeLessThan(Math.max(200, 5 * before, 5 * (await lateEnd()))); // on a busy machine any end is seen late
  expect(isAlive(Number(at.written("cached.crashes/scratch/worker")))).toBe(false);
});

test("who answers on a service's port without being of its tree is not taken for it", async () => {
  const idle = program("idle", "setInterval(() => {}, 1000);", { ready: { check: { kind: "tcp", port: "main" }, within: 1 } });
  const services = await slotted({ idle });
  const stranger = createServer();
  await new Promise<void>((onListening) => stranger.listen(services[0]?.slot.ports["main"], "127.0.0.1", onListening));
  const error = await start(services).catch((caught: unknown) => caught);
  stranger.close();
  expect(String(error)).toContain("is not of its process tree");
});

test("a service that only opens its port is not up where its health is asked for", async () => {
  const within = ampleSeconds();
  const unwell = program("unwell", listens.replace('"/healthcheck" ? 200', '"/healthcheck" ? 503'), {
    ready: { check: { kind: "http", port: "main", path: "/healthcheck" }, within },
  });
  const error = await startError({ unwell });
  expect(error.message).toContain(`was not ready within ${within} s: /healthcheck answers 503`);
});

test("those that need others end before them", async () => {
  const base = program("base", listens);
  const user = program("user", listens, { needs: { base } });
  const running = await start(await slotted({ user }));
  await running[Symbol.asyncDispose]();
  const gone = at.told.flatMap((event) => (event.kind === "serviceGone" ? [event.service] : []));
  expect(gone).toEqual(["cached.user", "cached.base"]);
});

test("an interruption while one starts ends it", async () => {
  const slow = program(
    "slow",
    "import { writeFileSync } from 'node:fs'; writeFileSync('pid', String(process.pid)); setInterval(() => {}, 1000);",
  );
  const interruption = new AbortController();
  const starting = startError({ slow }, { signal: interruption.signal });
  const pid = "cached.slow/scratch/pid";
  await until(() => existsSync(at.file(pid)) && at.written(pid) !== "");
  interruption.abort();
  expect((await starting).message).toContain("the run was interrupted");
  expect(isAlive(Number(at.written(pid)))).toBe(false);
});

test.runIf(process.platform === "linux" && hasRedis)(
  "a harness killed with SIGKILL leaves no service behind",
  async () => {
    writeFileSync(at.file("harness.ts"), harnessIn(at.directory));
    const harness = spawn(process.execPath, [at.file("harness.ts")], { stdio: "ignore" });
    onTestFinished(() => void harness.kill("SIGKILL"));
    await until(() => existsSync(at.file("port")) && at.written("port") !== "", 20);
    const port = Number(at.written("port"));
    const [server] = await place.listeners(port);
    expect(isAlive(server?.pid ?? 0)).toBe(true);
    process.kill(harness.pid ?? 0, "SIGKILL");
    await until(() => !isAlive(server?.pid ?? 0), 10);
    expect(await place.listeners(port)).toEqual([]);
  },
  40_000,
);

function harnessIn(directory: string): string {
  const source = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  return `
    import { writeFileSync } from "node:fs";
    import { redis } from ${source("../engines/services/redis.ts")};
    import { thisMachine } from ${source("../host/thisMachine.ts")};
    import { realClock } from ${source("../host/realClock.ts")};
    import { neededServices, slotServices } from ${source("./neededServices.ts")};
    import { startServices } from ${source("./services.ts")};
    const place = thisMachine();
    const directory = ${JSON.stringify(directory)};
    const engine = { services: () => ({ redis: redis() }) };
    const services = await slotServices(neededServices([{ name: "one", engine, world: { configFiles: {} } }]), {
      freePort: async () => place.freePort(), directory: (name) => directory + "/" + name,
    });
    await startServices(services, {
      place, clock: realClock(), tell: () => {}, signal: new AbortController().signal, logDirectory: (name) => directory + "/" + name,
    });
    writeFileSync(directory + "/port", String(services[0].slot.ports.redis));
    setInterval(() => {}, 1000);`;
}
