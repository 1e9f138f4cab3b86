import { expect, test } from "vitest";
import { parse } from "yaml";

import { refuseSharedPlaces } from "../launch/sharedPlaces.ts";
import type { Command, Engine, Slot } from "../model/engine.ts";
import { withLmcache } from "./lmcache.ts";
import { sglang, type SglangLmcacheOptions, type SglangOptions } from "./sglang.ts";

const world = { configFiles: {} };

function cached(lmcache: SglangLmcacheOptions): Engine {
  return sglang({ model: "m", venv: "/venv", lmcache });
}

function commandOf({ launch }: Engine, services: Slot["services"] = {}): Command {
  if (!("command" in launch)) throw new TypeError("nobody starts it");
  return launch.command({ port: 1, gpus: [], directory: "/scratch", services }, world);
}

function settingsIn(engine: Engine, services: Slot["services"] = {}): unknown {
  return parse(commandOf(engine, services).files?.["lmcache.yaml"] ?? "");
}

function claimsOf(options: Partial<SglangOptions>) {
  return sglang({ model: "m", ...options }).claims?.(world);
}

test("SGLang with LMCache has a configuration of its own", () => {
  const engine = cached({ chunkTokens: 128, cpuGigabytes: 10 });
  const { args, env } = commandOf(engine);
  expect(args).toContain("--enable-lmcache");
  expect(env).toMatchObject({ LMCACHE_CONFIG_FILE: "/scratch/lmcache.yaml" });
  expect(settingsIn(engine)).toEqual({ use_layerwise: true, chunk_size: 128, local_cpu: true, max_local_cpu_size: 10 });
  expect(engine.features).toEqual(expect.arrayContaining(["LMCache in its process", "KV cache in CPU memory, 10 GB"]));
});

test("its sockets and other temporary files go where its slot has a place for them", () => {
  const { launch } = sglang({ model: "m" });
  const command =
    "command" in launch ? launch.command({ port: 1, gpus: [], directory: "/scratch", temporary: "/tmp/td-4fA0b1" }, world) : undefined;
  expect(command?.env).toEqual({ TMPDIR: "/tmp/td-4fA0b1" });
});

test("its disk lies in its own directory and goes with it, unless another was named", () => {
  const own = cached({ diskGigabytes: 10 });
  expect(settingsIn(own)).toMatchObject({ local_disk: "file:///scratch/kv/", max_local_disk_size: 10 });
  expect([commandOf(own).discards, own.keepsOutside?.(world)]).toEqual([["kv"], []]);
  const named = cached({ diskGigabytes: 10, diskPath: "/kv" });
  expect(settingsIn(named)).toMatchObject({ local_disk: "file:///kv" });
  expect(named.keepsOutside?.(world)).toEqual([{ place: "/kv" }]);
});

test("two of them that name one directory are refused, unless both say that they share it", () => {
  const both = (lmcache: SglangLmcacheOptions) =>
    ["one", "other"].map((name) => ({ name, engine: cached({ diskGigabytes: 1, diskPath: "/kv", ...lmcache }), world }));
  expect(() => refuseSharedPlaces(both({}))).toThrow("one and other both keep KV cache at /kv");
  expect(() => refuseSharedPlaces(both({ shared: "kv" }))).not.toThrow();
});

test("a cache server of this machine is started for it, one that is running is looked at", () => {
  const started = cached({ remoteUrl: "lm://localhost:65432" });
  const { launch } = started.services?.(world)["lm-server"] ?? {};
  expect(launch?.kind === "process" && launch.command({ ports: { lm: 7_000 }, directory: "/s", services: {} })).toMatchObject({
    program: "/venv/bin/lmcache_server",
    args: ["127.0.0.1", "7000", "cpu"],
  });
  expect(settingsIn(started, { "lm-server": { host: "127.0.0.1", ports: { lm: 5_001 } } })).toMatchObject({
    remote_url: "lm://127.0.0.1:5001",
  });
  const running = cached({ remoteUrl: "redis://localhost:6379", remote: "running" });
  expect(running.services?.(world)["redis"]?.launch.kind).toBe("running");
  expect(running.keepsOutside?.(world)).toEqual([{ place: "redis://localhost:6379" }]);
});

test("what it finds again: blocks of one token of its own and of HiCache, chunks of LMCache", () => {
  expect(claimsOf({})?.reuse).toEqual({ own: true, external: false, ownPiece: 1 });
  expect(claimsOf({ prefixCaching: false })?.reuse).toEqual({ own: false, external: false, ownPiece: 1 });
  expect(claimsOf({ extraArgs: ["--page-size", "64", "--disable-radix-cache"] })?.reuse).toEqual({
    own: false,
    external: false,
    ownPiece: 64,
  });
  expect(claimsOf({ hiCache: { storage: "file" } })?.reuse).toEqual({ own: true, external: true, ownPiece: 1, externalPiece: 1 });
  expect(claimsOf({ lmcache: { chunkTokens: 128 } })?.reuse).toEqual({ own: true, external: true, ownPiece: 1, externalPiece: 128 });
  expect(claimsOf({ extraArgs: ["--enable-hierarchical-cache"] })?.reuse).toBeUndefined();
});

test("a page size, an attention and a dtype of the cache that were asked for, in either way, are differences that were", () => {
  const extraArgs = ["--page-size=64", "--kv-cache-dtype", "fp8_e5m2", "--attention-backend=triton"];
  const asked = claimsOf({ extraArgs })?.traits.flatMap(({ what, asked }) =>
    asked === undefined || what === "KV pool" ? [] : [[what, asked]],
  );
  expect(asked).toEqual([
    ["KV block", "64"],
    ["KV cache dtype", "fp8_e5m2"],
    ["attention backend", "triton"],
  ]);
  expect(claimsOf({ extraArgs })?.reuse?.ownPiece).toBe(64);
});

test("withLmcache() says where LMCache is for SGLang, and misspelt options are mistakes", () => {
  expect(() => withLmcache(sglang({ model: "m" }))).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("sglang({ lmcache: { … } })") }),
  );
  // @ts-expect-error misspelt
  expect(() => cached({ cpuGigabyte: 5 })).toThrow('sglang(): lmcache: there is no option "cpuGigabyte"');
  expect(() => cached({ shared: "KV!" })).toThrow("shared must be lower-case letters");
});
