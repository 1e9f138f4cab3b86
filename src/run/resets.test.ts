// The Redis is a real one: Debian's package redis-server.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { lmcacheServer } from "../engines/services/lmcacheServer.ts";
import { redis } from "../engines/services/redis.ts";
import { realClock } from "../host/realClock.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { askRedis } from "../launch/askRedis.ts";
import { addressOf, type SlottedService } from "../launch/neededServices.ts";
import { startServices } from "../launch/services.ts";
import type { Service } from "../model/service.ts";
import { resetService } from "./resets.ts";

const place = thisMachine();
const hasRedis = await place.has("redis-server", { PATH: process.env["PATH"] ?? "" });

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "tandem-resets-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function slotted(service: Service, directory: string, ports: Readonly<Record<string, number>>): SlottedService {
  return { name: `cached.${service.name}`, service, engines: ["cached"], needs: {}, slot: { ports, directory, services: {} } };
}

test.runIf(hasRedis)(
  "a Redis that was started for an engine is emptied, in all of its databases; one that is running already never is",
  async () => {
    const directory = scratch();
    const service = slotted(redis({ password: "hunter22" }), join(directory, "scratch"), { redis: await place.freePort() });
    const order = { place, clock: realClock(), tell: () => {}, signal: new AbortController().signal, logDirectory: () => directory };
    await using _running = await startServices([service], order);
    const { host, ports } = addressOf(service);
    const port = ports["redis"] ?? 0;
    const login = { password: "hunter22" };
    const size = async () => askRedis({ host, port, login, command: "DBSIZE", within: 2 });
    await askRedis({ host, port, login, command: "SET key value", within: 2 });
    const theirs = slotted(redis({ at: `${host}:${port}`, password: "hunter22" }), directory, {});
    expect([await resetService(theirs), await size()]).toEqual([[], ":1"]);
    expect([await resetService(service), await size()]).toEqual([["FLUSHALL answered +OK"], ":0"]);
  },
);

test("an LMCache server is emptied of its memory, then of the files in its own directory; where a link leads nothing is removed", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(request.url === "/clear-cache" ? 200 : 404).end("cleared");
  });
  await new Promise<void>((onListening) => server.listen(0, "127.0.0.1", onListening));
  onTestFinished(() => void server.close());
  const [directory, elsewhere] = [scratch(), scratch()];
  for (const name of ["kv-0/one.data", "kv-0/sub/two.data"]) {
    mkdirSync(join(directory, "kv-0/sub"), { recursive: true });
    writeFileSync(join(directory, name), "keys and values");
  }
  writeFileSync(join(elsewhere, "mine"), "");
  symlinkSync(elsewhere, join(directory, "kv-0/link"));
  symlinkSync(elsewhere, join(directory, "kv-1"));
  const disks = lmcacheServer({ l2: [{ kind: "fs" }, { kind: "fs" }, { kind: "fs", path: elsewhere }] });
  const { port } = server.address() as AddressInfo;
  expect(await resetService(slotted(disks, directory, { cache: 1, http: port }))).toEqual([
    "/clear-cache answered 200 cleared",
    "3 of its files removed",
  ]);
  expect(asked).toEqual(["POST /cache/clear", "POST /clear-cache"]);
  expect([readdirSync(join(directory, "kv-0")), existsSync(join(elsewhere, "mine"))]).toEqual([[], true]);
});
