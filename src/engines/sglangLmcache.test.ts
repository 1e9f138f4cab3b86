import { writeFileSync } from "node:fs";

import { expect, test } from "vitest";
import { parse } from "yaml";

import { bench } from "../launch/fixture.ts";
import { refuseSharedPlaces } from "../launch/sharedPlaces.ts";
import { told } from "../launch/traits.ts";
import type { Command, Engine, EngineClaims, Slot, World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { RunningEngine } from "../model/running.ts";
import { withLmcache } from "./lmcache.ts";
import { sglang, type SglangOptions } from "./sglang.ts";
import type { SglangLmcacheOptions } from "./sglangLmcache.ts";

const world: World = { configFiles: {} };
const mp = { "lmcache-server": { host: "127.0.0.1", ports: { cache: 6_555, http: 8_090 } } };

function beside(lmcache: SglangLmcacheOptions = {}, more: Partial<SglangOptions> = {}): Engine {
  return sglang({ model: "m", venv: "/venv", lmcache, ...more });
}

function inside(lmcache: SglangLmcacheOptions = {}): Engine {
  return beside({ mode: "in-process", ...lmcache });
}

function commandOf({ launch }: Engine, services: Slot["services"] = {}): Command {
  if (!("command" in launch)) throw new TypeError("nobody starts it");
  return launch.command({ port: 1, gpus: [], directory: "/scratch", services }, world);
}

function settingsIn(engine: Engine, services: Slot["services"] = {}): unknown {
  return parse(commandOf(engine, services).files?.["lmcache.yaml"] ?? "");
}

function serverArguments(engine: Engine): string {
  const { launch } = engine.services?.(world)["lmcache-server"] ?? {};
  if (launch?.kind !== "process") throw new TypeError("nobody starts it");
  const { program, args } = launch.command({ ports: { cache: 7_000, http: 7_001 }, directory: "/s", services: {} });
  return [program, ...args].join(" ");
}

function installed(version: string, lmcache?: string): World {
  const { launch } = inside();
  const flags =
    "command" in launch ? launch.command({ port: 1, gpus: [], directory: "/" }, world).args.filter((one) => one.startsWith("--")) : [];
  const beside = lmcache === undefined ? {} : { beside: { lmcache } };
  return { configFiles: {}, program: { version, flags: [...flags, "--lmcache-config-file"], ...beside } };
}

/** The mistake with its hint, or "none". */
function refusal(make: () => unknown): string {
  try {
    make();
    return "none";
  } catch (error) {
    return error instanceof HarnessError ? `${error.message}: ${error.hint}` : "not a mistake of the author's";
  }
}

test("LMCache is a server beside SGLang, and SGLang is told where it is by a file and a flag", () => {
  const engine = beside({ cpuGigabytes: 30, chunkTokens: 512, server: { maxWorkers: 2 } });
  expect(serverArguments(engine)).toBe(
    "/venv/bin/lmcache server --host 127.0.0.1 --port 7000 --http-host 127.0.0.1 --http-port 7001 --l1-size-gb 30 --eviction-policy LRU " +
      "--chunk-size 512 --max-workers 2 --metrics-sample-rate 1.0",
  );
  const { args, env } = commandOf(engine, mp);
  expect(args.slice(-3)).toEqual(["--enable-lmcache", "--lmcache-config-file", "/scratch/lmcache.yaml"]);
  expect(env).not.toHaveProperty("LMCACHE_CONFIG_FILE");
  expect(settingsIn(engine, mp)).toEqual({ mp_host: "127.0.0.1", mp_port: 6_555 });
  expect(engine.features).toEqual(["from venv", "LMCache server beside it", "KV cache in CPU memory, 30 GiB"]);
});

test("a server that is running already is taken, and named as a place that is not its own", () => {
  const engine = beside({ server: { at: "cache:5555" } });
  expect(engine.services?.(world)["lmcache-server"]?.launch).toEqual({ kind: "running", at: { host: "cache", ports: { cache: 5_555 } } });
  expect(settingsIn(engine, { "lmcache-server": { host: "cache", ports: { cache: 5_555 } } })).toEqual({
    mp_host: "cache",
    mp_port: 5_555,
  });
  expect(engine.keepsOutside?.(world)).toEqual([{ place: "LMCache server at cache:5555" }]);
});

test("places on disk and at a Redis become tiers of the server; what has no counterpart there is a mistake with a way out", () => {
  const engine = beside({ cpuGigabytes: 0, diskPath: "/kv", remoteUrl: "redis://localhost:6379" });
  expect(serverArguments(engine)).toMatch(
    /--l2-adapter \{"type":"fs","base_path":"\/kv"\} --l2-adapter \{"type":"resp".* --l2-store-policy skip_l1$/,
  );
  expect(engine.keepsOutside?.(world)).toEqual([{ place: "/kv" }]);
  expect(refusal(() => beside({ remoteUrl: "lm://localhost:65432", settings: { save_decode_cache: true } }))).toMatch(
    /^sglang\(\): lmcache: in mode "server": save_decode_cache has no counterpart; remote_url lm:\/\/… cannot be reached .*mode: "in-process"$/,
  );
});

test("in the process it has a configuration of its own, and works layer by layer", () => {
  const engine = inside({ chunkTokens: 128, cpuGigabytes: 10 });
  const { args, env } = commandOf(engine);
  expect(args.at(-1)).toBe("--enable-lmcache");
  expect(env).toMatchObject({ LMCACHE_CONFIG_FILE: "/scratch/lmcache.yaml" });
  expect(settingsIn(engine)).toEqual({ use_layerwise: true, chunk_size: 128, local_cpu: true, max_local_cpu_size: 10 });
  expect(engine.features).toEqual(["from venv", "LMCache in its process", "KV cache in CPU memory, 10 GiB"]);
});

test("in the process its disk lies in its own directory and goes with it, unless another was named", () => {
  const own = inside({ diskGigabytes: 10 });
  expect(settingsIn(own)).toMatchObject({ local_disk: "file:///scratch/kv/", max_local_disk_size: 10 });
  expect([commandOf(own).discards, own.keepsOutside?.(world)]).toEqual([["kv"], []]);
  const named = inside({ diskGigabytes: 10, diskPath: "/kv" });
  expect(settingsIn(named)).toMatchObject({ local_disk: "file:///kv" });
  expect([commandOf(named).keepsIn, named.keepsOutside?.(world)]).toEqual([["/kv"], [{ place: "/kv" }]]);
});

test("two of them that name one directory are refused, unless both say that they share it", async () => {
  const both = (lmcache: SglangLmcacheOptions, of: typeof inside) =>
    ["one", "other"].map((name) => ({
      name,
      engine: of({ diskPath: "/kv", ...(of === inside ? { diskGigabytes: 1 } : {}), ...lmcache }),
      world,
    }));
  for (const of of [beside, inside]) {
    await expect(refuseSharedPlaces(both({}, of))).rejects.toThrow("one and other both keep KV cache at /kv");
    await expect(refuseSharedPlaces(both({ shared: "kv" }, of))).resolves.toBeUndefined();
  }
});

test("in the process a cache server of this machine is started for it, one that is running is looked at", () => {
  const started = inside({ remoteUrl: "lm://localhost:65432" });
  const { launch } = started.services?.(world)["lm-server"] ?? {};
  expect(launch?.kind === "process" && launch.command({ ports: { lm: 7_000 }, directory: "/s", services: {} })).toMatchObject({
    program: "/venv/bin/lmcache_server",
    args: ["127.0.0.1", "7000", "cpu"],
  });
  expect(settingsIn(started, { "lm-server": { host: "127.0.0.1", ports: { lm: 5_001 } } })).toMatchObject({
    remote_url: "lm://127.0.0.1:5001",
  });
  const running = inside({ remoteUrl: "redis://localhost:6379", remote: "running" });
  expect(running.services?.(world)["redis"]?.launch.kind).toBe("running");
  expect(running.keepsOutside?.(world)).toEqual([{ place: "redis://localhost:6379" }]);
});

test("versions that do not fit are refused before anything boots, with what to do; of those that are not known nothing is said", () => {
  const wrong = (engine: Engine, of: World) => refusal(() => engine.configuredFeatures?.(of));
  expect(wrong(beside(), installed("0.5.12.post1", "0.4.5"))).toMatch(
    /LMCache as a server beside it came with SGLang 0\.5\.13, and 0\.5\.12\.post1 is installed; .*: say mode: "in-process"/,
  );
  expect(wrong(beside(), installed("0.5.17", "0.4.5"))).toMatch(/came with LMCache 0\.4\.6, and 0\.4\.5 is installed: .*lmcache>=0\.4\.6/);
  expect(wrong(beside(), installed("0.5.23", "0.5.0"))).toMatch(
    /the connector of SGLang 0\.5\.23 came with LMCache 0\.5\.6, .*lmcache>=0\.5\.6/,
  );
  expect(wrong(inside(), installed("0.5.17", "0.5.0"))).toMatch(
    /LMCache in its process is gone since SGLang 0\.5\.13, .* is gone since LMCache 0\.4\.6, .*: leave mode out, .*lmcache<=0\.4\.5/,
  );
  expect([
    wrong(beside(), installed("0.5.17", "0.5.0")),
    wrong(beside(), installed("0.5.13.post1", "0.4.6")),
    wrong(beside(), installed("0.5.23", "0.5.6")),
    wrong(inside(), installed("0.5.12.post1", "0.4.5")),
    wrong(beside(), installed("0.5.17")),
    wrong(beside(), installed("0.0.0.dev1+g1234567", "0.1.dev1")), // built from sources: such a number says nothing
    wrong(beside(), world),
  ]).toEqual(Array(7).fill("none"));
});

test("a pair that nobody has read or tried is a feature, not a mistake", () => {
  expect(beside().configuredFeatures?.(installed("0.5.24", "0.5.6"))).toEqual(["SGLang 0.5.24 with LMCache 0.5.6 is not known to fit"]);
  expect(beside().configuredFeatures?.(installed("0.5.17", "0.5.0"))).toEqual([]);
});

test("what SGLang would leave out in silence, or end its boot with, is refused", () => {
  const noCache = "without its prefix cache SGLang leaves LMCache out";
  expect(refusal(() => beside({}, { prefixCaching: false }))).toContain(noCache);
  expect(refusal(() => beside({}, { extraArgs: ["--disable-radix-cache"] }))).toContain(noCache);
  expect(refusal(() => beside({ chunkTokens: 100 }, { extraArgs: ["--page-size", "64"] }))).toMatch(
    /chunks of 100 tokens are not whole pages of 64: .*: 128$/,
  );
  expect(refusal(() => beside({}, { extraArgs: ["--page-size", "64"] }))).toBe("none");
  expect(refusal(() => sglang({ model: "m", image: "i", lmcache: {} }))).toContain("a container does not share its GPU memory");
  expect(refusal(() => sglang({ model: "m", image: "i", lmcache: { mode: "in-process" } }))).toBe("none");
  expect(refusal(() => inside({ server: { maxWorkers: 2 } }))).toContain('server cannot be said in mode "in-process"');
});

test("its own cache can be emptied alone, and hits are told only where they can be told apart", () => {
  const flush = "/flush_cache?timeout=5";
  expect(beside().resets).toEqual({ paths: [flush], own: flush, ownIsTold: true });
  expect(sglang({ model: "m" }).resets).toEqual({ paths: [flush] });
  const hits = (engine: Engine) => Object.keys(engine.metrics?.series ?? {}).filter((name) => name.includes("-hit-"));
  expect(hits(beside())).toEqual(["prefix-hit-tokens-total", "external-hit-tokens-total"]);
  expect(hits(inside())).toEqual([]);
  expect(Object.keys(beside().services?.(world)["lmcache-server"]?.metrics?.series ?? {})).toContain("external-memory-hit-tokens-total");
});

test("what it finds again: tokens of its own, chunks of LMCache", () => {
  const reuse = { own: true, external: true, ownPiece: 1 };
  expect(beside({ chunkTokens: 128 }).claims?.(world).reuse).toEqual({ ...reuse, externalPiece: 128, onlyTier: "memory" });
  expect(inside({ chunkTokens: 128 }).claims?.(world).reuse).toEqual({ ...reuse, externalPiece: 128 });
});

const settings = "server_args=ServerArgs(disable_radix_cache=False, page_size=1, tp_size=1, enable_lmcache=True)";

/** Of what its log says of LMCache, found or complained of. */
function heard(claims: EngineClaims | undefined, ...lines: readonly string[]): unknown {
  using at = bench();
  writeFileSync(at.file("stderr.log"), [settings, ...lines].join("\n"));
  const running: RunningEngine = {
    name: "cached",
    engine: beside(),
    reach: { kind: "http", url: "http://127.0.0.1:1", acceptAnyCertificate: false },
    facts: {},
    servedModel: "m",
    logs: [at.file("stderr.log")],
    died: Promise.resolve(""),
    [Symbol.asyncDispose]: async () => {},
  };
  const { checks } = told(running, claims ?? { traits: [] }, []);
  return checks.flatMap(({ what, found, ok }) => (what.startsWith("LMCache") ? [[found, ok]] : []));
}

test("LMCache counts as connected where it says so itself, not where SGLang was told to", () => {
  const server = beside().claims?.(world);
  expect(heard(server)).toEqual([["not told", undefined]]);
  expect(heard(server, "[2026-11-26 12:00:00] LMCache INFO: Loading LMCache config file /s/lmcache.yaml")).toEqual([["connected", true]]);
  expect(heard(server, "[2026-11-26 12:00:00] LMCache INFO: UnifiedLMCacheMPConnector initialized succeed.")).toEqual([
    ["connected", true],
  ]);
  expect(heard(inside().claims?.(world), "LMCache INFO: Creating LMCacheEngine with config: chunk_size=256")).toEqual([
    ["connected", true],
  ]);
});

test("an LMCache that was lost is complained of", () => {
  for (const line of [
    "LMCache WARNING: LMCache server is unhealthy — entering degraded mode",
    "LMCache ERROR: LMCache store_kv failed: RuntimeError: no memory",
    "LMCache WARNING: LMCache is unhealthy, skipping store_layer operation",
    "RuntimeError: LMCache MP store failed",
    "LMCache store submission failed for 7",
  ])
    expect(heard(beside().claims?.(world), "Loading LMCache config file /s", line)).toEqual([
      ["connected", true],
      [line, false],
    ]);
});

test("withLmcache() says where LMCache is for SGLang, and misspelt options are mistakes", () => {
  expect(() => withLmcache(sglang({ model: "m" }))).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("sglang({ lmcache: { … } })") }),
  );
  // @ts-expect-error misspelt
  expect(() => beside({ cpuGigabyte: 5 })).toThrow('sglang(): lmcache: there is no option "cpuGigabyte"');
  expect(() => beside({ shared: "KV!" })).toThrow("shared must be lower-case letters");
  expect(() => beside({ server: { l1Gigabytes: -1 } })).toThrow("sglang(): lmcache: server: l1Gigabytes");
});
