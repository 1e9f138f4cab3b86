import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { withLmcache } from "../engines/lmcache.ts";
import type { WithLmcacheOptions } from "../engines/lmcacheOptions.ts";
import { vllm } from "../engines/vllm.ts";
import { cacheRoomLacking, refuseNoRoom } from "./cacheRoom.ts";
import type { Declared } from "./neededServices.ts";

const memory = { total: 23.5, available: 12 };
const { blocks, bsize } = statfsSync(tmpdir());
const diskGib = (blocks * bsize) / 2 ** 30;

function caching(options: WithLmcacheOptions, name = "cached"): Declared {
  return { name, engine: withLmcache(vllm({ model: "m" }), options), world: { configFiles: {} } };
}

const refused = async (options: WithLmcacheOptions) =>
  refuseNoRoom(caching(options), memory).then(
    () => "fine",
    (error: unknown) => String(error),
  );

test("more memory or disk than a machine has, and a directory that cannot be made, are mistakes", async () => {
  expect(await refused({ config: { cpuGigabytes: 90_000 } })).toContain(
    "engine cached is to keep 90000 GiB of KV cache in memory, and this machine has 23.5 GiB",
  );
  expect(await refused({ mode: "server", config: { cpuGigabytes: 24 } })).toContain("24 GiB of KV cache in memory");
  const diskPath = join(tmpdir(), "yet/to/be/made");
  expect(await refused({ config: { diskGigabytes: 1e9, diskPath } })).toContain(
    `1000000000 GiB of KV cache in ${diskPath}, and the disk there has`,
  );
  expect(await refused({ config: { diskGigabytes: 1, diskPath: "/proc/nope" } })).toContain(
    "1 GiB of KV cache in /proc/nope, which cannot be made: /proc holds no files of ours",
  );
  expect(await refused({ mode: "server", config: { diskPath: `${process.execPath}/kv` } })).toContain(
    `cannot be made: ${process.execPath} is a file`,
  );
  expect(await refused({ config: { cpuGigabytes: 20, diskGigabytes: 1e-6, diskPath } })).toBe("fine");
});

test("less memory available than engines that are up at once are to fill, a shared server's once, is told, and so is less disk", async () => {
  const lacking = async (...engines: readonly Declared[]) => cacheRoomLacking(engines, tmpdir(), memory);
  const [one, other] = [caching({ config: { cpuGigabytes: 8 } }, "one"), caching({ config: { cpuGigabytes: 8 } }, "other")];
  expect(await lacking(one)).toEqual([]);
  expect(await lacking(caching({ config: { cpuGigabytes: 90_000 } }))).toEqual([]); // a mistake, told as one
  expect(await lacking(one, other)).toEqual(["one and other are to keep 16 GiB of KV cache in memory, and 12.0 of 23.5 GiB are available"]);
  const shared = (name: string) => caching({ mode: "server", shared: "kv", config: { cpuGigabytes: 8 } }, name);
  expect(await lacking(shared("one"), shared("other"))).toEqual([]);
  const gib = Math.floor(diskGib);
  expect(await lacking(caching({ config: { cpuGigabytes: 0, diskGigabytes: gib } }))).toEqual([
    expect.stringMatching(new RegExp(`^cached is to keep ${gib} GiB of KV cache on disk, and [\\d.]+ GiB are free there$`)),
  ]);
});

test("of a server that is running already nothing is looked at", async () => {
  expect(await refused({ mode: "server", server: { at: "cache:5555" } })).toBe("fine");
});
