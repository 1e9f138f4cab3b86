import { expect, test } from "vitest";

import type { Engine } from "../model/engine.ts";
import type { Service, Services } from "../model/service.ts";
import { bench } from "./fixture.ts";
import { addressesFor, neededServices, slotServices } from "./neededServices.ts";
import { refuseSharedPlaces } from "./sharedPlaces.ts";

const world = { configFiles: {} };

function service(name: string, change: Partial<Service> = {}): Service {
  return {
    name,
    kind: name,
    needs: {},
    launch: {
      kind: "process",
      ports: ["main"],
      command: ({ ports }) => ({ program: name, args: [String(ports["main"])], env: {} }),
      missing: "",
    },
    ready: { check: { kind: "tcp", port: "main" }, within: 1 },
    ...change,
  };
}

function declared(name: string, services: Services, keepsOutside: Engine["keepsOutside"] = () => []) {
  using at = bench();
  const engine: Engine = { ...at.engine("answers"), services: () => services, keepsOutside };
  return { name, engine, world };
}

const slots = { freePort: ports(), directory: (name: string) => `/scratch/${name}` };

function ports(): () => Promise<number> {
  let next = 5_000;
  return async () => next++;
}

test("each engine has services of its own, unless they say the same key", () => {
  const own = [declared("one", { store: service("redis") }), declared("other", { store: service("redis") })];
  expect(neededServices(own).map(({ name, engines }) => [name, engines])).toEqual([
    ["one.redis", ["one"]],
    ["other.redis", ["other"]],
  ]);
  const shared = [
    declared("one", { store: service("redis", { shared: "kv" }) }),
    declared("other", { store: service("redis", { shared: "kv" }) }),
  ];
  expect(neededServices(shared).map(({ name, engines }) => [name, engines])).toEqual([["kv.redis", ["one", "other"]]]);
});

test("what others need comes before them, and once: three that need one master are given the same", async () => {
  const master = service("master");
  const services = {
    a: service("a", { needs: { master } }),
    b: service("b", { needs: { master } }),
    c: service("c", { needs: { master } }),
  };
  const slotted = await slotServices(neededServices([declared("one", services)]), slots);
  expect(slotted.map(({ name }) => name)).toEqual(["one.master", "one.a", "one.b", "one.c"]);
  const [given, ...dependents] = slotted.map(({ slot }) => slot);
  expect(dependents.map(({ services: needed }) => needed["master"]?.ports)).toEqual([given?.ports, given?.ports, given?.ports]);
  expect(new Set(slotted.map(({ slot }) => slot.ports["main"])).size).toBe(4);
});

test("an engine is told where its services are, by its own names for them", async () => {
  const running = service("far", { launch: { kind: "running", at: { host: "cache", ports: { main: 6379 } } } });
  const engine = declared("one", { near: service("redis"), far: running });
  const slotted = await slotServices(neededServices([engine]), slots);
  expect(addressesFor(engine, slotted)).toEqual({
    near: { host: "127.0.0.1", ports: slotted[0]?.slot.ports },
    far: { host: "cache", ports: { main: 6379 } },
  });
});

test("two descriptions of one shared service, and a key that is an engine's name, are mistakes", () => {
  const launch = {
    kind: "process",
    ports: ["main"],
    command: () => ({ program: "redis", args: ["--other"], env: {} }),
    missing: "",
  } as const;
  const differing = [
    declared("one", { s: service("redis", { shared: "kv" }) }),
    declared("other", { s: service("redis", { shared: "kv", launch }) }),
  ];
  expect(() => neededServices(differing)).toThrow("kv.redis is described in two ways");
  expect(() => neededServices([declared("one", { s: service("redis", { shared: "one" }) })])).toThrow(
    "redis is shared as one, an engine's name",
  );
});

test("two engines that keep cache in one place are a mistake unless both say the same key", async () => {
  const keeping = (name: string, shared?: string) =>
    declared(name, {}, () => [{ place: "/kv", ...(shared === undefined ? {} : { shared }) }]);
  await expect(refuseSharedPlaces([keeping("one"), keeping("other")])).rejects.toThrow("one and other both keep KV cache at /kv");
  await expect(refuseSharedPlaces([keeping("one", "kv"), keeping("other")])).rejects.toThrow("both keep");
  await expect(refuseSharedPlaces([keeping("one", "kv"), keeping("other", "kv")])).resolves.toBeUndefined();
});
