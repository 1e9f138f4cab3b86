import { describe, expect, test } from "vitest";
import type { Command, Engine, Slot, World } from "../model/engine.ts";
import { mistakesInEngine } from "../model/engineRules.ts";
import type { ServiceAddress } from "../model/service.ts";
import { isContained, isStarted } from "../model/startedLaunch.ts";

/** What a text holds that was made of a value which is missing. */
const unmade = /undefined|NaN/;

const bare: Slot = { port: 43_210, gpus: [], directory: "/scratch/of-this-engine" };

/** With an address for each service that the engine needs. */
function slotFor(engine: Engine, world: World): Slot {
  const services = engine.services?.(world) ?? {};
  const addresses = Object.entries(services).map(([name, { launch }]): [string, ServiceAddress] => {
    if (launch.kind === "running") return [name, launch.at];
    return [name, { host: "127.0.0.1", ports: Object.fromEntries(launch.ports.map((port, index) => [port, 50_001 + index])) }];
  });
  return { ...bare, services: Object.fromEntries(addresses) };
}

export interface EngineExpectation {
  /** Flags that its program takes several times: "--lora". None unless said. */
  readonly repeats?: readonly string[];
}

/** What any engine's description must be: the shared suite for people who write them. `world` holds the configuration files it names. */
export function describeEngine(make: () => Engine, world: World = { configFiles: {} }, { repeats = [] }: EngineExpectation = {}): void {
  describe(`engine ${make().kind}`, () => {
    test("it says what it is", () => {
      const { kind, model, features, gpus = 0, gpuShare } = make();
      expect([kind, model, ...features].filter((phrase) => phrase.trim() === "" || unmade.test(phrase))).toEqual([]);
      expect(gpuShare > 0).toBe(gpus > 0);
    });

    test("the same options describe the same engine", () => {
      expect(JSON.stringify(make())).toBe(JSON.stringify(make()));
    });

    test("its configuration files are at hand, and what they add are phrases", () => {
      expect(make().configFiles.filter((path) => !(path in world.configFiles))).toEqual([]);
      const added = make().configuredFeatures?.(world) ?? [];
      expect(added.filter((phrase) => phrase.trim() === "")).toEqual([]);
    });

    test("every member is what it should be: it gets ready within a stated time, and is spoken to in a way there is", () => {
      expect(mistakesInEngine(make())).toEqual([]);
    });

    if (isStarted(make().launch))
      describeCommand(make, { slot: slotFor(make(), world), commandIn: (of) => commandOf(make(), of, world), repeats });
    if (make().services !== undefined) describeServices(make, world);
    if (make().tokenizer !== undefined) describeTokenizer(make);
    if (make().launch.kind === "attached") describeAddress(make);
    if (make().simulation !== undefined) describeSimulation(make, world);
  });
}

interface Commanded extends Required<EngineExpectation> {
  readonly slot: Slot;
  readonly commandIn: (slot: Slot) => Command;
}

function describeCommand(make: () => Engine, { slot, commandIn, repeats }: Commanded): void {
  test("its command is a program and arguments, ready to be started", () => {
    const { program, args, env } = commandIn(slot);
    // An image may have a program of its own.
    expect(program === "" && !isContained(make().launch)).toBe(false);
    expect([...args, ...Object.values(env)].filter((text) => typeof text !== "string" || unmade.test(text))).toEqual([]);
  });

  test("no flag of its command is given twice, nor both ways: which of them counts would be the program's to say", () => {
    const flags = commandIn(slot).args.flatMap((argument) => /^--[\w.-]+/.exec(argument) ?? []);
    const named = flags.map((flag) => flag.replace(/^--no-/, "--"));
    const again = flags.filter((_, place) => named.indexOf(named[place] ?? "") < place);
    expect(again.filter((flag) => !repeats.includes(flag))).toEqual([]);
  });

  test("it serves on the port of its slot", () => {
    expect(commandIn(slot).args.join(" ")).toContain("43210");
    expect(commandIn({ ...slot, port: 43_211 }).args.join(" ")).not.toContain("43210");
  });

  test("its command depends on the slot alone", () => {
    expect(commandIn(slot)).toEqual(commandIn(slot));
  });

  test("GPUs are the launcher's to give", () => {
    expect(Object.keys(commandIn({ ...slot, gpus: ["3"] }).env)).not.toContain("CUDA_VISIBLE_DEVICES");
  });

  test("its files lie in the slot's directory", () => {
    const names = Object.keys(commandIn(slot).files ?? {});
    expect(names.filter((name) => name.includes("/") || name.startsWith("."))).toEqual([]);
  });
}

function describeTokenizer(make: () => Engine): void {
  test("its tokenizer is asked in JSON, and what is no answer tells no tokens", () => {
    for (const { path, body, tokensIn } of make().tokenizer ?? []) {
      expect(path).toMatch(/^\//);
      expect(JSON.stringify(body("our words", "served"))).toContain("our words");
      expect([undefined, null, "Not Found", { error: "no" }].map((answer) => tokensIn(answer))).toEqual(Array(4).fill(undefined));
    }
  });
}

function describeServices(make: () => Engine, world: World): void {
  test("its services are the same each time it is asked, with names that can be directories", () => {
    const services = Object.values(make().services?.(world) ?? {});
    expect(JSON.stringify(services)).toBe(JSON.stringify(Object.values(make().services?.(world) ?? {})));
    expect(services.filter(({ name }) => !/^[a-z0-9][a-z0-9-]*$/.test(name))).toEqual([]);
    for (const { launch, ready } of services) {
      expect(launch.kind === "running" ? Object.keys(launch.at.ports) : launch.ports).toContain(ready.check.port);
      expect(ready.within).toBeGreaterThan(0);
    }
  });
}

function describeAddress(make: () => Engine): void {
  test("its address is a base URL without credentials and without /v1", () => {
    const { launch } = make();
    const { protocol, username, password, pathname } = new URL(launch.kind === "attached" ? launch.url : "");
    expect(protocol).toMatch(/^https?:$/);
    expect([username, password]).toEqual(["", ""]);
    expect(pathname).not.toMatch(/\/v1\/?$/);
  });
}

function describeSimulation(make: () => Engine, world: World): void {
  test("what stands in for it with --simulate is plain data", () => {
    const simulation = make().simulation?.("h100", world);
    expect(JSON.parse(JSON.stringify(simulation))).toEqual(simulation);
    expect(simulation?.model).toBe(make().model);
    expect(simulation?.tensorParallel).toBeGreaterThanOrEqual(1);
  });
}

function commandOf({ launch }: Engine, slot: Slot, world: World): Command {
  if (!isStarted(launch)) throw new TypeError("nobody starts it");
  return launch.command(slot, world);
}
