import { existsSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";

import { afterEach, beforeEach, expect, test } from "vitest";

import { thisMachine } from "../host/thisMachine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { RunningEngine } from "../model/running.ts";
import { ampleSeconds, bench, isAlive, lateEnd, until, type Bench } from "./fixture.ts";
import { processLauncher } from "./process.ts";

const place = thisMachine();
let at: Bench;
beforeEach(() => {
  at = bench();
});
afterEach(() => at[Symbol.dispose]());

test("an engine is ready once it has answered a completion, and gone once it is disposed", async () => {
  const port = await place.freePort();
  const engine = await processLauncher(place).launch(at.order(at.engine("answers"), { port }));
  const pid = Number(engine.facts["process id"]);
  expect(engine.servedModel).toBe("tiny");
  expect(engine.facts).toMatchObject({ version: "1.2.3", "served model": "tiny", "context limit": "4096 tokens" });
  expect(engine.reach).toEqual({ kind: "http", url: `http://127.0.0.1:${port}`, acceptAnyCertificate: false });
  expect((await place.listeners(port)).map((listener) => listener.pid)).toEqual([pid]);
  await engine[Symbol.asyncDispose]();
  expect(isAlive(pid)).toBe(false);
  expect(await place.listeners(port)).toEqual([]);
  expect(at.told.map(({ kind }) => kind)).toEqual(["booting", "ready", "gone"]);
});

test("a crash at boot is told within 200 ms, with command, status, last lines, log and the likely cause", async () => {
  const own = { ...process.env, HF_TOKEN: "hf_abcdefgh" };
  const [before, moments] = [await lateEnd(), [] as number[]];
  const tell = (event: RunEvent) => {
    at.told.push(event);
    if (event.kind === "notUp") moments.push(Date.now());
  };
  const error = await launchError(at.engine("crashes"), {}, own, { tell });
  const late = (moments[0] ?? Infinity) - Number(at.written("scratch/ended-at"));
  expect(error.code).toBe("engine-exited");
  expect(error.message).toContain("exited with status 1");
  expect(error.message).toContain(`crashes.mjs`);
  expect(error.message).toContain(at.file("logs/stderr.log"));
  expect(error.message).toContain("  | loading weights\n  | Loading shards: 100%\n  | torch.OutOfMemoryError");
  expect(error.hint).toContain("too little free memory");
  expect(at.told.map(({ kind }) => kind)).toEqual(["booting", "notUp"]);
  // The program needs some of it to end after its stamp, and on a busy machine any end is seen late.
  expect(late).toBeLessThan(Math.max(200, 5 * before, 5 * (await lateEnd())));
  expect(isAlive(Number(at.written("scratch/worker")))).toBe(false);
});

test("a secret that an engine prints is neither in the error nor left in its log", async () => {
  const error = await launchError(at.engine("crashes"), {}, { ...process.env, HF_TOKEN: "hf_abcdefgh" });
  expect(error.message).toContain("token ***");
  expect(at.written("logs/stderr.log")).toContain("2.00 GiB, token ***");
});

test("a program that is not there is told as missing, with how to get it", async () => {
  const error = await launchError(at.engine("answers", { command: { program: "no-such-engine" } }));
  expect(error.code).toBe("engine-missing");
  expect(error.message).toContain("no-such-engine");
  expect(error.hint).toBe("install it");
});

test("a program that the system does not start, whatever it answers, is told with that answer and what to do", async () => {
  const tooLong = at.engine("answers", { command: { env: { LONG: "x".repeat(200_000) } } });
  expect(await launchError(tooLong)).toMatchObject({
    code: "engine-missing",
    message: "engine plain: node is here but cannot be started (E2BIG)",
    hint: expect.stringContaining("put what is long into a file"),
  });
});

test("a directory that somebody removes as its engine is about to start is told as removed, and the program is not blamed", async () => {
  const tell = (event: RunEvent) => {
    if (event.kind === "booting") rmSync(at.file("scratch"), { recursive: true });
  };
  expect(await launchError(at.engine("answers"), {}, process.env, { tell })).toMatchObject({
    code: "output",
    message: `engine plain: its directory ${at.file("scratch")} was removed before it was started`,
    hint: "leave a run's directory alone until it has ended",
  });
});

test("too few GPUs are told before anything starts", async () => {
  const error = await launchError(at.engine("answers", { engine: { gpus: 2 } }));
  expect(error).toMatchObject({ code: "engine-not-ready", message: expect.stringContaining("needs 2 GPUs") });
  expect(at.told).toEqual([]);
});

test("an engine that never is ready is ended at its deadline, and what it waits for is told", async () => {
  const [port, within] = [await place.freePort(), ampleSeconds()];
  const error = await launchError(at.engine("neverReady", { within }), { port });
  expect(error.code).toBe("engine-not-ready");
  expect(error.message).toContain(`not ready within ${within} s: /v1/models answers 503: loading`);
  expect(error.message).toContain("  | loading weights");
  expect(error.hint).toContain(`bootSeconds: ${2 * within} in its description`);
  expect(await place.listeners(port)).toEqual([]);
});

test.runIf(process.platform === "linux")("an engine that listens on another port than its own is told which", async () => {
  const [another, within] = [await place.freePort(), ampleSeconds()];
  const args = [at.file("answers.mjs"), String(another)];
  const error = await launchError(at.engine("answers", { command: { args }, within }));
  expect(error.message).toContain("nothing listens on its port yet");
  expect(error.hint).toMatch(new RegExp(`^process \\d+ of it listens on ${another}: if that is its server, it does not take its port`));
  expect(error.hint).toContain(`bootSeconds: ${2 * within} in its description`);
});

test("what an engine said last is told, and not that its time was over before it could answer once more", async () => {
  // For its last second it is silent: that is too short to tell anything of it.
  const within = ampleSeconds() + 1;
  const source = `const silentFrom = performance.now() + ${(within - 1) * 1_000};
    require("node:http").createServer((request, response) => {
      if (request.url === "/v1/completions" && performance.now() > silentFrom) return;
      response.writeHead(request.url === "/v1/completions" ? 503 : 200).end("{}");
    }).listen(Number(process.argv[1]), "127.0.0.1");`;
  const port = await place.freePort();
  const args = ["-e", source, String(port)];
  const named = { wire: { api: "completions", model: "tiny", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false } } as const;
  const error = await launchError(at.engine("neverReady", { command: { args }, within, engine: named }), { port });
  expect(error.message).toContain("was not ready within");
  expect(error.message).toContain("/v1/completions answers 503");
});

test("a server that was on the port before is named, and never taken for the engine", async () => {
  await using stranger = await strangerOn(0);
  const error = await launchError(at.engine("answers"), { port: stranger.port });
  expect(error.code).toBe("port-taken");
  expect(error.message).toContain(`port ${stranger.port}: process ${process.pid}`);
  expect(at.told).toEqual([]);
});

test("a server that takes the port between check and start is named, and never taken for the engine", async () => {
  const port = await place.freePort();
  const strangers: Promise<Stranger>[] = [];
  const tell = whenBooting(() => strangers.push(strangerOn(port))); // told between the two
  const error = await launchError(at.engine("answers"), { port }, process.env, { tell });
  await using stranger = await (strangers[0] as Promise<Stranger>);
  expect(error.code).toBe("port-taken");
  expect(error.message).toContain(`process ${process.pid}`);
  expect(stranger.asked).toBe(0);
});

test("a server that takes the port while the engine only waits is seen long before the deadline", async () => {
  const port = await place.freePort();
  const engine = at.engine("neverReady", { command: { args: [at.file("neverReady.mjs"), String(await place.freePort())] } });
  const strangers: Promise<Stranger>[] = [];
  const error = await launchError(engine, { port }, process.env, { tell: whenBooting(() => strangers.push(strangerOn(port))) });
  await using stranger = await (strangers[0] as Promise<Stranger>);
  expect(error.code).toBe("port-taken");
  expect(stranger.asked).toBe(0);
});

test("a server whose process this system does not show, behind a forwarded port, is not taken for the engine", async () => {
  const port = await place.freePort();
  const hidden = { ...place, listeners: async () => [] };
  const engine = at.engine("neverReady", { command: { args: [at.file("neverReady.mjs"), String(await place.freePort())] }, within: 1 });
  const strangers: Promise<Stranger>[] = [];
  const error = await launchError(engine, { port }, process.env, { tell: whenBooting(() => strangers.push(strangerOn(port))) }, hidden);
  await using stranger = await (strangers[0] as Promise<Stranger>);
  expect(error.message).toContain(`what answers on port ${port} is not of its process tree`);
  expect(stranger.asked).toBe(0);
});

test("what concerns another engine does not reach this one", async () => {
  const own = { PATH: "/usr/bin", LMCACHE_CONFIG_FILE: "/theirs.yaml", VLLM_USE_V1: "0", NODE_OPTIONS: "--no-warnings", HOME: "/home/me" };
  const port = await place.freePort();
  const gpus = ["2", "3"];
  const engine = at.engine("answers", { command: { env: { LMCACHE_CHUNK_SIZE: "256" } } });
  await using _running = await processLauncher(place, own).launch(at.order(engine, { port, gpus }));
  const { TANDEM_RUN, TANDEM_ENGINE, ...seen } = JSON.parse(at.written("scratch/environment.json")) as Record<string, string>;
  expect(seen).toEqual({
    PATH: "/usr/bin",
    HOME: "/home/me",
    LMCACHE_CHUNK_SIZE: "256",
    PYTHONHASHSEED: "0",
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    CUDA_VISIBLE_DEVICES: "2,3",
    SPT_NOENV: "1",
  });
  expect(TANDEM_RUN).not.toBe(TANDEM_ENGINE);
});

test("files of the command are there before the start, for this user alone", async () => {
  const port = await place.freePort();
  const engine = at.engine("answers", { command: { files: { "cache.yaml": "chunk_size: 256\n" } } });
  await using _running = await processLauncher(place).launch(at.order(engine, { port }));
  expect(at.written("scratch/cache.yaml")).toBe("chunk_size: 256\n");
});

test("KV cache that it kept on a disk of its own goes with it, and nothing else does", async () => {
  mkdirSync(at.file("scratch/kv"), { recursive: true });
  const command = { files: { "kv/0.data": "", "cache.yaml": "" }, discards: ["kv", "..", "not-there"] };
  const running = await launched(at.engine("answers", { command }));
  expect(existsSync(at.file("scratch/kv/0.data"))).toBe(true);
  await running[Symbol.asyncDispose]();
  expect(["scratch/kv", "scratch/cache.yaml", "logs"].map((name) => existsSync(at.file(name)))).toEqual([false, true, true]);
});

test("an engine that ends by itself with a known complaint is told with what that means, unless it only complained at its boot", async () => {
  for (const [after, told] of [
    ["PREPARE_STORE timed out after 10.0s", true],
    ["bye", false],
  ] as const) {
    const ends = `process.on("SIGUSR2", () => { console.error(${JSON.stringify(after)}); process.exit(0); });`;
    const log = `console.error("No module named triton"); ${ends}`;
    const preload = `data:text/javascript,${encodeURIComponent(log)}`;
    const port = await place.freePort();
    const engine = at.engine("answers", { command: { args: ["--import", preload, at.file("answers.mjs"), String(port)] } });
    const running = await processLauncher(place).launch(at.order(engine, { port }));
    process.kill(Number(running.facts["process id"]), "SIGUSR2");
    const message = await running.died;
    expect(message).toContain("plain exited with status 0");
    expect(/probably: the LMCache server it stores to was gone for a moment/.test(message)).toBe(told);
    expect(message).not.toContain("lacks a package");
    await running[Symbol.asyncDispose]();
  }
});

test("an engine that ends by itself is told with its last lines, and its workers go too", async () => {
  const running = await launched(at.engine("leavesWorkers"));
  const workers = at.written("scratch/workers").split(" ").map(Number);
  process.kill(Number(running.facts["process id"]), "SIGKILL");
  const message = await running.died;
  expect(message).toContain("plain was ended by SIGKILL");
  expect(message).toContain("  | INFO serving");
  await running[Symbol.asyncDispose]();
  expect(workers.map(isAlive)).toEqual([false, false]);
});

test("a start script that puts its engine into the background is told so, with the engine's process, which is ended too", async () => {
  const port = await place.freePort();
  const script = 'env -i setsid "$0" "$@" >/dev/null 2>&1 & sleep 1';
  const args = ["-c", script, process.execPath, at.file("neverReady.mjs"), String(port)];
  const error = await launchError(at.engine("neverReady", { command: { program: "sh", args } }), { port });
  expect(error.code).toBe("engine-exited");
  expect(error.message).toMatch(
    /^engine plain exited with status 0 before it was ready, and process \d+ \(.*neverReady.mjs \d+\) listens on its port, in the background\n/,
  );
  expect(error.hint).toContain("start it in the foreground");
  expect(await place.listeners(port)).toEqual([]);
});

test("one that prints nothing before it fails is not said to have told why", async () => {
  const silent = at.engine("answers", { command: { args: ["-e", "process.exit(3)"] } });
  expect((await launchError(silent)).hint).toBe("to try it alone, run the command above in a shell");
});

test("an interruption at boot ends the engine at once", async () => {
  const port = await place.freePort();
  const interruption = new AbortController();
  const launching = launchError(at.engine("neverReady"), { port }, process.env, { signal: interruption.signal });
  await until(async () => (await place.listeners(port)).length > 0);
  const from = performance.now();
  interruption.abort();
  const error = await launching;
  expect(error.message).toContain("interrupted");
  expect(performance.now() - from).toBeLessThan(5_000);
  expect(await place.listeners(port)).toEqual([]);
});

test("a model that is not the one asked for is refused by name", async () => {
  const wire = { api: "completions", model: "large", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false } as const;
  const error = await launchError(at.engine("answers", { engine: { wire } }), { port: await place.freePort() });
  expect(error.message).toContain("it does not serve large, but tiny");
});

async function launched(engine: ReturnType<Bench["engine"]>): Promise<RunningEngine> {
  return processLauncher(place).launch(at.order(engine, { port: await place.freePort() }));
}

function whenBooting(act: () => void): (event: RunEvent) => void {
  return ({ kind }) => {
    if (kind === "booting") act();
  };
}

async function launchError(
  engine: ReturnType<Bench["engine"]>,
  slot: Parameters<Bench["order"]>[1] = {},
  own: NodeJS.ProcessEnv = process.env,
  change: Parameters<Bench["order"]>[2] = {},
  where = place,
): Promise<HarnessError> {
  const port = await place.freePort();
  const outcome = await processLauncher(where, own)
    .launch(at.order(engine, { port, ...slot }, change))
    .catch((error: unknown) => error);
  if (!(outcome instanceof HarnessError)) throw new Error("it was launched, or failed in another way", { cause: outcome });
  return outcome;
}

interface Stranger extends AsyncDisposable {
  readonly port: number;
  readonly asked: number;
}

/** A server that would pass for an engine, but is not ours to measure. */
async function strangerOn(port: number): Promise<Stranger> {
  let asked = 0;
  const server: Server = createServer((_request, response) => {
    asked++;
    response.end(JSON.stringify({ data: [{ id: "tiny" }], choices: [{ text: "a" }] }));
  });
  await new Promise<void>((onListening) => server.listen(port, "127.0.0.1", onListening));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    get asked() {
      return asked;
    },
    [Symbol.asyncDispose]: async () => new Promise<void>((onClosed) => server.close(() => onClosed())),
  };
}
