import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

import { expect, onTestFinished, test } from "vitest";

import { redis } from "../engines/services/redis.ts";
import { realClock } from "../host/realClock.ts";
import type { Launch, Readiness } from "../model/engine.ts";
import type { Reading } from "../model/record.ts";
import type { RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { bench, until } from "./fixture.ts";
import { health, type WatchedService } from "./health.ts";
import { neededServices, slotServices } from "./neededServices.ts";

test("how long each answer of an engine that is well took is read, and no connection is left open: it may have one worker, for one connection", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url, { path: "/health", watched: "/cheap", within: 1 })]);
  expect(await watched.probe.start((reading) => watched.readings.push(reading))).toBe(true);
  await until(() => watched.readings.length >= 4);
  await until(() => server.open() === 0);
  await watched.probe.stop();
  expect(watched.readings.every(({ series, of, value }) => series === "health-answer-seconds" && of === "plain" && value < 2)).toBe(true);
  expect(new Set(server.asked)).toEqual(new Set(["/cheap"]));
  expect(watched.told).toEqual([]);
  const asked = server.asked.length;
  await pause(200);
  expect(server.asked).toHaveLength(asked);
});

test("one that answers with an error for a while is told once as unwell, and once as well again", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url)]);
  await watched.probe.start(() => {});
  server.answer = (response) => response.writeHead(503).end();
  await until(() => watched.told.length > 0);
  await pause(200);
  server.answer = (response) => response.end();
  await until(() => watched.told.length > 1);
  await watched.probe.stop();
  expect(watched.told).toEqual([
    { kind: "unwell", name: "plain", engines: ["plain"], message: "/health answers 503", lasted: expect.any(Number) },
    { kind: "wellAgain", name: "plain", engines: ["plain"], lasted: expect.any(Number) },
  ]);
});

test("one that is well again by the second look is told all the same, once it has been unwell for long enough", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url)], { everySeconds: 0.4, patience: 0.3 });
  await watched.probe.start(() => {});
  server.answer = (response) => {
    server.answer = (next) => next.end();
    response.writeHead(503).end();
  };
  await until(() => watched.told.length > 0);
  await watched.probe.stop();
  expect(watched.told).toMatchObject([
    { kind: "unwell", message: "/health answers 503" },
    { kind: "wellAgain", name: "plain" },
  ]);
});

test("one that says that it is asked too often is well", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url)]);
  await watched.probe.start(() => {});
  server.answer = (response) => response.writeHead(429).end();
  const asked = server.asked.length;
  await until(() => server.asked.length > asked + 8); // for longer than anybody is patient
  await watched.probe.stop();
  expect(watched.told).toEqual([]);
});

test("one that answers with an error for a moment, or has no such page, is well", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url)], { patience: 5 });
  await watched.probe.start(() => {});
  server.answer = (response) => response.writeHead(503).end();
  await pause(200);
  server.answer = (response) => response.writeHead(404).end();
  await pause(200);
  await watched.probe.stop();
  expect(watched.told).toEqual([]);
});

test("one that does not answer is asked one question at a time, and told as unwell", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url)], { patience: 1 });
  await watched.probe.start(() => {});
  const asked = server.asked.length;
  server.answer = () => {};
  await until(() => watched.told.length > 0);
  expect(server.asked.length - asked).toBeLessThanOrEqual(2);
  await watched.probe.stop();
  expect(watched.told).toMatchObject([{ kind: "unwell", message: "does not answer /health within 2 s" }]);
});

test("a server that we did not start and that is no longer there is told as dead, once, and stops the test", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url, undefined, "attached")], isPatient);
  await watched.probe.start(() => {});
  expect(watched.death()).toBeUndefined();
  await server.end();
  watched.hear(requests("plain", { ended: 1, failed: 1 }));
  await until(() => watched.death() !== undefined);
  await pause(200);
  await watched.probe.stop();
  const message = `plain refuses connections (ECONNREFUSED at ${server.url})`;
  expect(watched.told).toEqual([{ kind: "died", engine: "plain", message }]);
  expect(watched.death()).toMatchObject({ code: "unreachable", exitCode: 3, hint: message });
});

test("one that is gone at the end is told as dead if its last requests failed", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url, undefined, "attached")], { everySeconds: 0.4, patience: 5 });
  await watched.probe.start(() => {});
  watched.hear(requests("plain", { ended: 2, failed: 1 }));
  await server.end();
  await watched.probe.stop();
  const message = `plain refuses connections (ECONNREFUSED at ${server.url})`;
  expect(watched.told).toEqual([{ kind: "died", engine: "plain", message }]);
  expect(watched.death()).toMatchObject({ exitCode: 3, hint: message });
});

test("one that shuts its door while it still answers what it was asked is neither dead nor unwell: that it does is told at the end", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url, undefined, "attached")]);
  await watched.probe.start(() => {});
  await server.end();
  await pause(800); // several refusals, and longer than anybody is patient
  expect(watched.told).toEqual([]);
  watched.hear(requests("plain", { ended: 2 }));
  await watched.probe.stop();
  expect([watched.told, watched.death()]).toEqual([[shutDoorOf(server)], undefined]);
});

test("one that is gone when we are interrupted, and has failed nothing, is not waited for", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url, undefined, "attached")]);
  await watched.probe.start(() => {});
  await server.end();
  await watched.probe.stop();
  expect(watched.told).toEqual([]);
});

test("one that has answered all that it was asked may go, also while others are still measured", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url, undefined, "attached")]);
  await watched.probe.start(() => {});
  watched.hear(requests("plain", { ended: 1 }));
  watched.hear(requests("plain", { ended: 1 }));
  await server.end();
  await pause(400);
  await watched.probe.stop();
  expect([watched.told, watched.death()]).toEqual([[shutDoorOf(server)], undefined]);
});

test("requests that failed before a server was last seen to be well are not why it is missed", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url, undefined, "attached")]);
  await watched.probe.start(() => {});
  watched.hear(requests("plain", { ended: 1, failed: 1 }));
  const asked = server.asked.length;
  await until(() => server.asked.length > asked + 2);
  watched.hear(requests("plain", { ended: 1 }));
  await server.end();
  await watched.probe.stop();
  expect(watched.told).toEqual([shutDoorOf(server)]);
});

test("one that takes connections again by the second look, started anew or only busy, is not dead", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url, undefined, "attached")], { everySeconds: 1, patience: 5 });
  await watched.probe.start(() => {});
  watched.hear(requests("plain", { ended: 2, failed: 1 }));
  await server.end();
  const stopped = watched.probe.stop();
  await pause(200);
  await server.again();
  await stopped;
  expect([watched.told, watched.death()]).toEqual([[], undefined]);
});

test("of two that are gone only the one whose requests failed is told", async () => {
  const [one, other] = [await serving(), await serving()];
  const engines = [one, other].map(({ url }, index) => ({
    ...engineAt(url, undefined, "attached"),
    name: ["plain", "cached"][index] ?? "",
  }));
  const watched = watch(engines);
  await watched.probe.start(() => {});
  watched.hear(requests("plain", { ended: 2 }));
  watched.hear(requests("cached", { ended: 2, failed: 1 }));
  await Promise.all([one.end(), other.end()]);
  await watched.probe.stop();
  expect(watched.told.toSorted((a, b) => (a.kind < b.kind ? -1 : 1))).toMatchObject([
    { kind: "died", engine: "cached" },
    { kind: "warning" },
  ]);
});

test("of one that we started it is its process that tells its end", async () => {
  const server = await serving();
  const watched = watch([engineAt(server.url)]);
  await watched.probe.start(() => {});
  await server.end();
  await until(() => watched.told.length > 0);
  await watched.probe.stop();
  expect(watched.told).toMatchObject([{ kind: "unwell", message: "does not answer /health (ECONNREFUSED)" }]);
  expect(watched.death()).toBeUndefined();
});

test("of one that we started and that has died nothing more is told", async () => {
  const server = await serving();
  const died = Promise.withResolvers<string>();
  const watched = watch([{ ...engineAt(server.url), died: died.promise }]);
  await watched.probe.start(() => {});
  await server.end();
  died.resolve("plain was ended by SIGKILL");
  await pause(500);
  await watched.probe.stop();
  expect(watched.told).toEqual([]);
});

test("a service that is said to run somewhere is told as dead when it takes no connection any more, with those that need it", async () => {
  const { server, at } = await answeringPings();
  const watched = watch([], isPatient, await servicesAt(at));
  await watched.probe.start(() => {});
  await pause(200);
  expect(watched.told).toEqual([]);
  await new Promise((onClosed) => server.close(onClosed));
  await until(() => watched.told.length > 0);
  await watched.probe.stop();
  const message = `service cached.redis refuses connections (ECONNREFUSED at ${at})`;
  expect(watched.told).toEqual([{ kind: "serviceDied", service: "cached.redis", engines: ["cached"], message }]);
  expect(watched.death()?.message).toBe("service cached.redis was gone while engines needed it");
});

test("one that takes connections and no longer answers is told as unwell, with those that need it", async () => {
  const { at, pings } = await answeringPings();
  const watched = watch([], { patience: 1 }, await servicesAt(at));
  expect(await watched.probe.start(() => {})).toBe(true);
  pings.areAnswered = false;
  await until(() => watched.told.length > 0);
  await watched.probe.stop();
  const message = "PING is not answered (no answer in time)";
  expect(watched.told).toEqual([{ kind: "unwell", name: "cached.redis", engines: ["cached"], message, lasted: expect.any(Number) }]);
  expect(watched.death()).toBeUndefined();
});

test("so is one that we have started, and only as long as it has not died", async () => {
  const server = await serving();
  const url = new URL(server.url);
  const launch = { kind: "process", ports: ["http"], command: () => ({ program: "", args: [], env: {} }), missing: "" } as const;
  const ready = { check: { kind: "http", port: "http", path: "/healthcheck" }, within: 1 } as const;
  const [described] = await servicesAt("127.0.0.1:1");
  if (described === undefined) throw new Error("no service");
  const { service, slot, ...its } = described.service;
  const died = Promise.withResolvers<string>();
  const started = { ...its, service: { ...service, launch, ready }, slot: { ...slot, ports: { http: Number(url.port) } } };
  const watched = watch([], {}, [{ service: started, died: died.promise }]);
  await watched.probe.start(() => {});
  await until(() => server.asked.length >= 4);
  expect(new Set(server.asked)).toEqual(new Set(["/healthcheck"]));
  await until(() => server.open() === 0);
  server.answer = (response) => response.writeHead(503).end();
  await until(() => watched.told.length > 0);
  died.resolve("service cached.redis was ended by SIGKILL");
  await server.end();
  await pause(500);
  await watched.probe.stop();
  expect(watched.told).toMatchObject([{ kind: "unwell", name: "cached.redis", message: "/healthcheck answers 503" }]);
});

/** A refused connection that takes as long as a busy machine lets it is no word about being unwell. */
const isPatient = { patience: 60 };

function watch(
  engines: readonly RunningEngine[],
  change: { patience?: number; everySeconds?: number } = {},
  services: readonly WatchedService[] = [],
) {
  const told: RunEvent[] = [];
  const tell = (event: RunEvent) => void told.push(event);
  const readings: Reading[] = [];
  const watched = health(engines, services, { clock: realClock(), tell, everySeconds: 0.05, patience: 0.2, ...change });
  watched.hear(started(engines.map(({ name }) => name)));
  return { ...watched, told, readings };
}

function shutDoorOf({ url }: Serving): RunEvent {
  const message = `plain takes no connections any more (ECONNREFUSED at ${url}): it ended, or shut its door, having answered all that it was asked`;
  return { kind: "warning", message };
}

/** Of two requests for each. */
function started(engines: readonly string[]): RunEvent {
  return { kind: "experimentStarted", experiment: 0, title: "", order: "together", engines, requests: 2 * engines.length };
}

interface Ended {
  readonly ended: number;
  readonly failed?: number;
}

function requests(engine: string, { ended, failed = 0 }: Ended): RunEvent {
  return { kind: "requests", experiment: 0, engine, sent: ended, ended, dropped: 0, failed, ttft: undefined };
}

interface Serving {
  readonly url: string;
  readonly asked: string[];
  open(): number;
  answer: (response: ServerResponse) => unknown;
  end(): Promise<void>;
  /** Listens where it did before. */
  again(): Promise<void>;
}

async function serving(): Promise<Serving> {
  let open = 0;
  const server = createServer((request: IncomingMessage, response) => {
    serving.asked.push(request.url ?? "");
    serving.answer(response);
  });
  server.on("connection", (socket) => {
    open++;
    socket.once("close", () => open--);
  });
  await new Promise<void>((onListening) => server.listen(0, "127.0.0.1", onListening));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const end = async () => {
    server.closeAllConnections();
    await new Promise((onClosed) => server.close(onClosed));
  };
  onTestFinished(end);
  const serving: Serving = {
    url: `http://127.0.0.1:${port}`,
    asked: [],
    open: () => open,
    answer: (response) => response.end(),
    end,
    again: async () => new Promise((onListening) => server.listen(port, "127.0.0.1", onListening)),
  };
  return serving;
}

function engineAt(url: string, ready: Readiness = { path: "/health", within: 1 }, kind: "process" | "attached" = "process"): RunningEngine {
  const launch: Launch =
    kind === "attached" ? { kind, url, ready } : { kind, ready, missing: "", command: () => ({ program: "", args: [], env: {} }) };
  const at = bench();
  onTestFinished(() => at[Symbol.dispose]());
  return {
    name: "plain",
    engine: at.engine("answers", { engine: { launch } }),
    reach: { kind: "http", url, acceptAnyCertificate: false },
    facts: {},
    servedModel: "tiny",
    died: new Promise(() => {}),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** As a Redis does, until it is told not to. */
async function answeringPings() {
  const pings = { areAnswered: true };
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => pings.areAnswered && socket.write("+PONG\r\n"));
  });
  await new Promise<void>((onListening) => server.listen(0, "127.0.0.1", onListening));
  onTestFinished(() => void server.close());
  return { server, pings, at: `127.0.0.1:${(server.address() as AddressInfo).port}` }; // it listens on TCP
}

async function servicesAt(at: string): Promise<readonly WatchedService[]> {
  const engine = { ...engineAt("http://127.0.0.1:1").engine, services: () => ({ redis: redis({ at }) }) };
  const needed = neededServices([{ name: "cached", engine, world: { configFiles: {} } }]);
  const services = await slotServices(needed, { freePort: async () => 1, directory: () => "/" });
  return services.map((service) => ({ service, died: new Promise(() => {}) }));
}
