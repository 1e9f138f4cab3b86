import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { finished } from "node:stream/promises";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { thisMachine } from "../host/thisMachine.ts";
import type { Command, ContainerOptions, Engine, Slot } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { LaunchOrder, RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { harnessMark } from "./containerMarks.ts";
import { describeLauncher, type LauncherBench } from "./describeLauncher.ts";
import { dockerLauncher } from "./docker.ts";
import { skipsDocker, testDaemon, type TestDaemon } from "./dockerFixture.ts";
import { bench as newBench, until, type Bench, type programs } from "./fixture.ts";

const place = thisMachine();

let daemon: TestDaemon;
let at: Bench;

describe.skipIf(skipsDocker)("with a real Docker daemon", () => {
  beforeAll(async () => {
    daemon = await testDaemon();
  }, 60_000);
  afterAll(async () => daemon[Symbol.asyncDispose](), 60_000);
  beforeEach(() => {
    at = newBench();
  });
  afterEach(async () => {
    at[Symbol.dispose]();
    const left = await containers();
    if (left.length > 0) throw new Error(`left behind: ${left.map(({ Status: status }) => status).join(", ")}`);
  });

  describeLauncher("docker", async (): Promise<LauncherBench> => {
    const bench = newBench();
    const port = await place.freePort();
    return {
      launcher: dockerLauncher(place, daemon.env),
      order: (change) => bench.order(inContainer("answers", {}, {}, bench), { port }, change),
      [Symbol.asyncDispose]: async () => bench[Symbol.dispose](),
    };
  });

  test("the container has our labels, host network, the slot's directory, and nothing of our environment but what loading needs", async () => {
    const own = { ...daemon.env, LMCACHE_CONFIG_FILE: "/theirs.yaml", HF_TOKEN: "hf_abcdefgh" };
    const engine = inContainer("answers", { env: { LMCACHE_CHUNK_SIZE: "256" }, files: { "cache.yaml": "chunk_size: 256\n" } });
    await using running = await launched(engine, own);
    const [container] = await daemon.docker.listContainers();
    expect(container?.Labels).toMatchObject({ "tandem.engine": "plain", "tandem.harness": expect.stringContaining(` ${process.pid} `) });
    expect(container?.HostConfig.NetworkMode).toBe("host");
    expect(running.facts).toMatchObject({ image: daemon.image, container: container?.Id.slice(0, 12), "served model": "tiny" });
    expect(at.written("scratch/cache.yaml")).toBe("chunk_size: 256\n");
    const {
      PATH: _path,
      HOSTNAME: _hostname,
      HOME: _home,
      ...seen
    } = JSON.parse(at.written("scratch/environment.json")) as Record<string, string>; // as JSON.stringify(process.env) writes it
    expect(seen).toEqual({ LMCACHE_CHUNK_SIZE: "256", PYTHONHASHSEED: "0", HF_TOKEN: "hf_abcdefgh" });
  });

  test("what it prints is kept in the engine's log, without its secrets", async () => {
    const running = await launched(inContainer("answers", { env: { SERVER_API_KEY: "sk-12345678" } }));
    await running[Symbol.asyncDispose]();
    expect(at.written("logs/stdout.log")).toContain("serving, key ***");
  });

  test("a container that ends at boot is told within 200 ms of the daemon's word, with its status and its last lines, and is removed", async () => {
    const told: number[] = [];
    const tell = (event: RunEvent) => void (event.kind === "notUp" && told.push(performance.now()));
    const word = await wordOfNextEnd();
    const error = await launchError(inContainer("crashes"), undefined, { tell });
    expect(error.code).toBe("engine-exited");
    expect(error.message).toContain("exited with status 1");
    expect(error.message).toContain("  command: docker run --init --network host");
    expect(error.message).toContain("  | loading weights\n  | Loading shards: 100%\n  | torch.OutOfMemoryError");
    expect(error.hint).toContain("too little free memory");
    expect(told).toHaveLength(1);
    expect((told[0] ?? Infinity) - (await word.at)).toBeLessThan(200);
  });

  test("an engine that is killed while it runs is told with its last lines, and its container goes", async () => {
    const running = await launched(inContainer("answers"));
    await daemon.docker.getContainer(running.facts["container"] ?? "").kill();
    const message = await running.died;
    expect(message).toContain("plain exited with status 137");
    expect(message).toContain("  | INFO serving");
    await until(async () => (await containers()).length === 0);
    await running[Symbol.asyncDispose]();
  });

  test("an image that is not there is one error before anything boots", async () => {
    const launch = { ...dockerLaunch(at, "answers", {}, {}), image: "127.0.0.1:9/nobody/nothing:1" };
    const engine = { ...inContainer("answers"), launch };
    const outcome = await dockerLauncher(place, daemon.env)
      .prepare?.(at.order(engine, {}))
      .catch((error: unknown) => error);
    expect(outcome).toMatchObject({
      code: "engine-missing",
      message: expect.stringContaining("the image 127.0.0.1:9/nobody/nothing:1 is not here"),
    });
    expect(outcome).toMatchObject({ hint: expect.stringContaining("docker pull 127.0.0.1:9/nobody/nothing:1") });
  });

  test("a volume of a directory that is not here is one error before anything boots, and no directory after it", async () => {
    const [parent, missing] = [`${at.directory}/models`, `${at.directory}/models/tiny`];
    const engine = inContainer("answers", {}, { volumes: [`${missing}:/models`] });
    const outcome = await dockerLauncher(place, daemon.env)
      .prepare?.(at.order(engine, {}))
      .catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: "engine-missing", message: `engine plain: its volumes have ${missing}, which is not here` });
    expect(existsSync(parent)).toBe(false);
  });

  test("an image that is there is not pulled", async () => {
    await dockerLauncher(place, daemon.env).prepare?.(at.order(inContainer("answers"), {}));
    expect(at.told).toEqual([]);
  });

  test("a server that was on the port before is named, and never taken for the engine", async () => {
    const port = await place.freePort();
    await using _first = await launched(inContainer("answers"), daemon.env, port);
    const error = await launchError(inContainer("answers"), port);
    expect(error.code).toBe("port-taken");
    expect(error.message).toContain(`port ${port}: process `);
  });

  test("a program that its image does not have is told as that", async () => {
    const error = await launchError(inContainer("answers", { program: "no-such-engine" }));
    expect(error.message).toContain("exec no-such-engine failed: No such file or directory");
    expect(error.hint).toContain("its image has no such program");
  });

  test("a container that cannot be started is told with the command to try, and is removed", async () => {
    const engine = inContainer("answers", {}, { network: "no-such-network" });
    const error = await launchError(engine);
    expect(error.message).toContain("its container cannot be started");
    expect(error.message).toContain("no-such-network");
    expect(error.hint).toContain("docker run --init --network no-such-network --publish 127.0.0.1:");
  });

  test("a container that runs out of memory is told as that", async () => {
    const eats = ["-e", "const all = []; for (;;) all.push(Buffer.alloc(1e7, 1));"];
    const error = await launchError(inContainer("answers", { args: eats }, { memoryGib: 0.0625 }));
    expect(error.message).toContain("its container ran out of memory");
    expect(error.hint).toContain("more memory");
  });

  test("an interruption at boot ends the container", async () => {
    const interruption = new AbortController();
    setTimeout(() => interruption.abort(), 1_000);
    const error = await launchError(inContainer("neverReady"), undefined, { signal: interruption.signal });
    expect(error.message).toContain("interrupted");
  });

  test("a harness that is killed leaves no container behind, and the journal is told so", async () => {
    const port = await place.freePort();
    const harness = startHarness(port);
    await until(async () => (await containers()).some(({ State: state }) => state === "running"), 20);
    harness.kill("SIGKILL");
    await until(async () => (await containers()).length === 0, 10);
    expect(await place.listeners(port)).toEqual([]);
    await until(() => existsSync(at.file("after.jsonl")) && readFileSync(at.file("after.jsonl"), "utf8").endsWith("\n"), 10);
    const { event } = JSON.parse(readFileSync(at.file("after.jsonl"), "utf8"));
    expect(event).toEqual({ kind: "endedAfterUs", what: "containers", count: 1, after: expect.any(Number) });
  });

  test("a container left by a harness that is gone goes at the next start; those of others stay", async () => {
    const words = harnessMark().split(" ");
    const [left, alive, elsewhere] = await Promise.all(
      [[...words.slice(0, 2), "999999999", "1"], words, ["another boot", ...words.slice(1)]].map(async (mark) =>
        daemon.docker.createContainer({
          Image: daemon.image,
          Cmd: ["/usr/bin/node"],
          Labels: { "tandem.harness": mark.join(" "), "tandem.engine": "old" },
        }),
      ),
    );
    const running = await launched(inContainer("answers"));
    await running[Symbol.asyncDispose]();
    const stayed = (await containers()).map(({ Id: id }) => id);
    expect(stayed.sort()).toEqual([alive?.id ?? "", elsewhere?.id ?? ""].sort());
    expect(at.told.filter(({ kind }) => kind === "warning")).toEqual([
      { kind: "warning", message: `removed containers that a killed run had left: old (${left?.id.slice(0, 12)})` },
    ]);
    for (const id of stayed) await daemon.docker.getContainer(id).remove();
  });
});

test("without a daemon the error says where it was looked for and what to do", async () => {
  using bench = newBench();
  const outcome = await dockerLauncher(place, { DOCKER_HOST: "unix:///nowhere/docker.sock" })
    .prepare?.(bench.order(inContainer("answers", {}, {}, bench), {}))
    .catch((error: unknown) => error);
  expect(outcome).toMatchObject({
    code: "engine-missing",
    message: expect.stringContaining("no Docker daemon answers at /nowhere/docker.sock (ENOENT)"),
  });
});

test("a daemon of another machine is refused: its engines would not answer on our ports", async () => {
  using bench = newBench();
  const outcome = await dockerLauncher(place, { DOCKER_HOST: "tcp://10.0.0.1:2375" })
    .prepare?.(bench.order(inContainer("answers", {}, {}, bench), {}))
    .catch((error: unknown) => error);
  expect(outcome).toMatchObject({ code: "usage", message: expect.stringContaining("need a daemon of this machine") });
});

async function containers() {
  return daemon.docker.listContainers({ all: true });
}

/**
 * When the daemon has told all that it tells of the end of the container that starts next: that it has ended, how, and its last lines. That is some 80 ms after
 * the end itself: it writes to its disk in between, and was seen to take 270 ms where others did too.
 */
async function wordOfNextEnd(): Promise<{ readonly at: Promise<number> }> {
  const events = await daemon.docker.getEvents({ filters: { event: ["start"] } });
  const told = async () => {
    for await (const event of events) {
      const { id } = JSON.parse(String(event)) as { id: string }; // as the daemon writes it
      const container = daemon.docker.getContainer(id);
      const lines = async () =>
        finished((await container.logs({ follow: true, stdout: true, stderr: true })).resume(), { writable: false });
      // What is refused is gone already, and was told before that.
      await Promise.allSettled([container.wait().then(async () => container.inspect()), lines()]);
      return performance.now();
    }
    throw new Error("no container was started");
  };
  return { at: told() };
}

type Program = keyof typeof programs;

/** A stand-in program in a container: its directory is a volume, Node is in the image. */
function inContainer(program: Program, command: Partial<Command> = {}, container: ContainerOptions = {}, bench = at): Engine {
  return bench.engine(program, { engine: { launch: dockerLaunch(bench, program, command, container) } });
}

function dockerLaunch(bench: Bench, program: Program, command: Partial<Command>, container: ContainerOptions) {
  const args = (port: number) => [bench.file(`${program}.mjs`), String(port)];
  return {
    kind: "docker" as const,
    image: "tandem-test/node:1",
    command: ({ port }: Slot) => ({ program: "/usr/bin/node", args: args(port), env: {}, ...command }),
    container: { volumes: [`${bench.directory}:${bench.directory}`], sharedMemoryGib: 1, ...container },
    ready: { path: "/health", within: 20 },
  };
}

async function launched(engine: Engine, own = daemon.env, port?: number): Promise<RunningEngine> {
  return dockerLauncher(place, own).launch(at.order(engine, { port: port ?? (await place.freePort()) }));
}

async function launchError(engine: Engine, port?: number, change: Partial<LaunchOrder> = {}): Promise<HarnessError> {
  const order = at.order(engine, { port: port ?? (await place.freePort()) }, change);
  const outcome = await dockerLauncher(place, daemon.env)
    .launch(order)
    .catch((error: unknown) => error);
  if (!(outcome instanceof HarnessError)) throw new Error("it was launched, or failed in another way", { cause: outcome });
  return outcome;
}

/** A harness of its own process that launches one engine in a container. */
function startHarness(port: number): ChildProcess {
  const source = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const file = JSON.stringify(at.file("answers.mjs"));
  const directory = JSON.stringify(at.directory);
  writeFileSync(
    at.file("harness.ts"),
    `
    import { thisMachine } from ${source("../host/thisMachine.ts")};
    import { realClock } from ${source("../host/realClock.ts")};
    import { dockerLauncher } from ${source("./docker.ts")};
    const [place, origin] = [thisMachine(), process.hrtime()];
    place.afterUs.tellIn({ files: { processes: ${directory} + "/none", containers: ${directory} + "/after.jsonl" }, origin });
    await dockerLauncher(place).launch({
      name: "plain",
      engine: {
        kind: "stand-in", model: "tiny", simulated: false, gpus: 0, gpuShare: 0, features: [], configFiles: [],
        wire: { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false },
        launch: {
          kind: "docker", image: "tandem-test/node:1", ready: { path: "/health", within: 20 },
          command: ({ port }) => ({ program: "/usr/bin/node", args: [${file}, String(port)], env: {} }),
          container: { volumes: [${directory} + ":" + ${directory}] },
        },
      },
      slot: { port: ${port}, gpus: [], directory: ${directory} + "/scratch" },
      world: { configFiles: {} }, logDirectory: ${directory} + "/logs", clock: realClock(),
      tell: () => {}, signal: new AbortController().signal,
    });
    setInterval(() => {}, 1000);`,
  );
  return spawn(process.execPath, [at.file("harness.ts")], { stdio: "ignore", env: daemon.env });
}
