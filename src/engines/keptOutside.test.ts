import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { refuseSharedPlaces } from "../launch/sharedPlaces.ts";
import type { Engine } from "../model/engine.ts";
import { withLmcache } from "./lmcache.ts";
import type { LmcacheOptions } from "./lmcacheOptions.ts";
import type { LmcacheServerOptions } from "./services/lmcacheServer.ts";
import { sglang } from "./sglang.ts";
import { vllm } from "./vllm.ts";

const plain = vllm({ model: "m" });
const world = { configFiles: {} };

/** Each keeps its cache in the process, or in a server; whatever is at a URL is running. */
const inProcess = (config: LmcacheOptions) => withLmcache(plain, { config, remote: "running" });
const inServer = ({ diskGigabytes: _limit, ...config }: LmcacheOptions) =>
  withLmcache(plain, { config, remote: "running", mode: "server" });
const at = (server: LmcacheServerOptions) => withLmcache(plain, { mode: "server", server });
const disk = (diskPath: string): LmcacheOptions => ({ diskGigabytes: 1, diskPath });

async function collide(one: Engine, other: Engine): Promise<boolean> {
  const declared = [
    { name: "one", engine: one, world },
    { name: "other", engine: other, world },
  ];
  try {
    await refuseSharedPlaces(declared);
    return false;
  } catch {
    return true;
  }
}

test("one place is one however it is written", async () => {
  const same: readonly (readonly [Engine, Engine])[] = [
    [inProcess(disk("/kv")), inProcess(disk("/kv/"))],
    [inProcess(disk("/kv")), inServer(disk("/data/../kv//"))],
    [inProcess({ settings: { local_disk: "file:///a/,file:///kv/", max_local_disk_size: 1 } }), inProcess(disk("/kv"))],
    [sglang({ model: "m", lmcache: { diskPath: "/kv/" } }), inProcess(disk("/kv"))],
    [inProcess({ remoteUrl: "redis://localhost:6379" }), inProcess({ remoteUrl: "redis://127.0.0.1:6379/0" })],
    [inProcess({ remoteUrl: "redis://[::1]:6379" }), inServer({ remoteUrl: "redis://localhost:6379" })],
    [inProcess({ remoteUrl: "redis://user:pw@Cache:6379" }), inServer({ remoteUrl: "valkey://cache:6379" })],
    [inProcess({ remoteUrl: "lm://localhost:65432" }), inProcess({ remoteUrl: "lm://127.0.0.1:65432/" })],
    [inProcess({ remoteUrl: "redis-sentinel://a:1,b:2/m" }), inProcess({ remoteUrl: "redis-sentinel://b:2,a:1/m" })],
    [inProcess({ remoteUrl: "mooncakestore://localhost:50051/" }), inProcess({ remoteUrl: "mooncakestore://127.0.0.1:50051" })],
    [at({ at: "localhost:5555" }), at({ at: "127.0.0.1:5555" })],
    [at({ at: "[::1]:5555" }), at({ at: "localhost:5555" })],
    [at({ at: "127.0.0.1:5555" }), at({ at: "127.0.1.1:5555" })],
    [at({ at: `${hostname()}:5555` }), at({ at: "localhost:5555" })],
    [inProcess({ remoteUrl: "redis://127.0.1.1:6379/2" }), inProcess({ remoteUrl: "redis://localhost:6379/2" })],
    [at({ l2: [{ kind: "fs", path: "/kv/" }] }), inProcess(disk("/kv"))],
  ];
  expect(await Promise.all(same.map(async ([one, other]) => collide(one, other)))).toEqual(same.map(() => true));
});

test("a directory in a container is the one that a volume puts there", async () => {
  const image = (volumes: readonly string[], config = disk("/kv")) =>
    withLmcache(vllm({ model: "m", image: "vllm/vllm-openai:v0.24.0", container: { volumes } }), { config });
  expect(await collide(image(["/fast/a:/kv"]), image(["/fast/b:/kv/"]))).toBe(false);
  expect(await collide(image(["/fast:/kv"]), image(["/fast/:/data"], disk("/data")))).toBe(true);
  expect(await collide(image(["/fast:/data"], disk("/data/kv")), inProcess(disk("/fast/kv")))).toBe(true);
  expect(await collide(image(["/fast:/data", "/hot:/data/kv"], disk("/data/kv")), inProcess(disk("/hot")))).toBe(true);
  expect(await collide(image([]), image(["/models:/models"]))).toBe(true);
});

test("a link to a directory is that directory, also where the cache is yet to be made, and both names are told", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tandem-places-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, "kv"));
  symlinkSync(join(directory, "kv"), join(directory, "link"));
  const declared = ["kv", "link"].map((name) => ({ name, engine: inProcess(disk(join(directory, name, "new"))), world }));
  await expect(refuseSharedPlaces(declared)).rejects.toThrow(
    `kv and link both keep KV cache at ${join(directory, "kv/new")}, which is ${join(directory, "link/new")}`,
  );
});

test("places that only look alike are two", async () => {
  const two: readonly (readonly [Engine, Engine])[] = [
    [inProcess(disk("/kv")), inProcess(disk("/kv2"))],
    [inProcess(disk("/kv")), inProcess(disk("/kv/one"))],
    [inProcess({ remoteUrl: "redis://localhost:6379/1" }), inProcess({ remoteUrl: "redis://localhost:6379/2" })],
    [inProcess({ remoteUrl: "redis://localhost:6379" }), inProcess({ remoteUrl: "redis://localhost:6380" })],
    [inProcess({ remoteUrl: "redis://localhost.lab:6379" }), inProcess({ remoteUrl: "redis://127.0.0.1:6379" })],
    [at({ at: "localhost:5555" }), at({ at: "localhost:5556" })],
  ];
  expect(await Promise.all(two.map(async ([one, other]) => collide(one, other)))).toEqual(two.map(() => false));
});
