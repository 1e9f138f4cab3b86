import { expect, test } from "vitest";

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

function collide(one: Engine, other: Engine): boolean {
  const declared = [
    { name: "one", engine: one, world },
    { name: "other", engine: other, world },
  ];
  try {
    refuseSharedPlaces(declared);
    return false;
  } catch {
    return true;
  }
}

test("one place is one however it is written", () => {
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
    [at({ l2: [{ kind: "fs", path: "/kv/" }] }), inProcess(disk("/kv"))],
  ];
  expect(same.map(([one, other]) => collide(one, other))).toEqual(same.map(() => true));
});

test("a directory in a container is the one that a volume puts there", () => {
  const image = (volumes: readonly string[], config = disk("/kv")) =>
    withLmcache(vllm({ model: "m", image: "vllm/vllm-openai:v0.24.0", container: { volumes } }), { config });
  expect(collide(image(["/fast/a:/kv"]), image(["/fast/b:/kv/"]))).toBe(false);
  expect(collide(image(["/fast:/kv"]), image(["/fast/:/data"], disk("/data")))).toBe(true);
  expect(collide(image(["/fast:/data"], disk("/data/kv")), inProcess(disk("/fast/kv")))).toBe(true);
  expect(collide(image(["/fast:/data", "/hot:/data/kv"], disk("/data/kv")), inProcess(disk("/hot")))).toBe(true);
  expect(collide(image([]), image(["/models:/models"]))).toBe(true);
});

test("places that only look alike are two", () => {
  const two: readonly (readonly [Engine, Engine])[] = [
    [inProcess(disk("/kv")), inProcess(disk("/kv2"))],
    [inProcess(disk("/kv")), inProcess(disk("/kv/one"))],
    [inProcess({ remoteUrl: "redis://localhost:6379/1" }), inProcess({ remoteUrl: "redis://localhost:6379/2" })],
    [inProcess({ remoteUrl: "redis://localhost:6379" }), inProcess({ remoteUrl: "redis://localhost:6380" })],
    [inProcess({ remoteUrl: "redis://localhost.lab:6379" }), inProcess({ remoteUrl: "redis://127.0.0.1:6379" })],
    [at({ at: "localhost:5555" }), at({ at: "localhost:5556" })],
  ];
  expect(two.map(([one, other]) => collide(one, other))).toEqual(two.map(() => false));
});
