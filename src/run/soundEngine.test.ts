import { expect, test } from "vitest";

import { atOnce } from "../arrivals/atOnce.ts";
import { thisMachine } from "../host/thisMachine.ts";
import type { Engine } from "../model/engine.ts";
import { experiment } from "../model/experiment.ts";
import { HarnessError } from "../model/harnessError.ts";
import { testCase } from "../model/testCase.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { planTests } from "./plan.ts";
import { soundEngine } from "./soundEngine.ts";

const sound: Engine = {
  kind: "mine",
  model: "tiny",
  simulated: false,
  gpus: 0,
  gpuShare: 0,
  features: [],
  configFiles: [],
  wire: { api: "completions", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false },
  launch: {
    kind: "process",
    command: ({ port }) => ({ program: "node", args: ["--port", String(port)], env: {} }),
    ready: { path: "/health", within: 8 },
    missing: "where to get it",
  },
};

const world = { configFiles: {} };

test("whatever functions of an author's engines throw is a mistake of that engine, told with all others and the author's line", async () => {
  const fails = (): never => {
    throw new RangeError("oops");
  };
  const engines = {
    command: { ...sound, launch: { ...sound.launch, command: fails } },
    claims: { ...sound, claims: fails },
    features: { ...sound, configuredFeatures: fails },
    services: { ...sound, services: fails },
    room: { ...sound, cacheRoom: fails },
    facts: { ...sound, info: [{ path: "/info", facts: fails }] },
    fine: sound,
  };
  const hint = await hintOf(engines);
  expect(hint.match(/engine \w+: .*(?= fails when called: RangeError: oops)/g)).toEqual([
    "engine command: command()",
    "engine claims: claims()",
    "engine features: configuredFeatures()",
    "engine services: services()",
    "engine room: cacheRoom()",
    "engine facts: info's facts()",
  ]);
});

test("a command that cannot be started is a mistake before anything boots", async () => {
  const without: unknown = () => ({ program: "node" });
  const wrong = { ...sound, launch: { ...sound.launch, command: without } } as Engine; // as JavaScript has it
  expect(await hintOf({ wrong, worse: { ...wrong, claims: () => ({}) as never } })).toContain(
    "engine wrong: command() gives what it should not: args is missing; env is missing",
  );
});

test("what is asked of an engine beforehand is given at once: no promise is taken for it, and none that fails is heard of later", async () => {
  const late: unknown = async () => Promise.reject(new Error("late"));
  const engines = {
    command: { ...sound, launch: { ...sound.launch, command: late } },
    claims: { ...sound, claims: late },
    services: { ...sound, services: late },
    features: { ...sound, configuredFeatures: late },
    room: { ...sound, cacheRoom: late },
    facts: { ...sound, info: [{ path: "/info", facts: late }] },
  } as Readonly<Record<string, Engine>>; // as JavaScript has it
  expect((await hintOf(engines)).match(/(?<=engine )\w+(?=: .*, not a promise)/g)).toEqual(Object.keys(engines));
});

test("what functions give is handed on, and what they say in our own words as well", () => {
  const own = new HarnessError("usage", "no such key", { hint: "look again" });
  const engine = soundEngine("a", {
    ...sound,
    configuredFeatures: function () {
      return [this.model];
    },
    claims: () => {
      throw own;
    },
  });
  expect(engine.configuredFeatures?.(world)).toEqual(["tiny"]);
  expect(() => engine.claims?.(world)).toThrow(own);
});

/** Under the message that counts them. */
async function hintOf(engines: Readonly<Record<string, Engine>>): Promise<string> {
  const workload = documentQa({ contextTokens: 64, questionTokens: 8, documents: 1, requests: 1 });
  const experiments = [experiment({ workload, arrivals: atOnce() })];
  const named = { name: "test_own", testCase: testCase({ engines, experiments, baseline: Object.keys(engines)[0] ?? "" }) };
  const error: unknown = await planTests([named], { ports: [], set: {} }, thisMachine()).then(
    () => undefined,
    (error: unknown) => error,
  );
  return error instanceof HarnessError && error.code === "usage" ? (error.hint ?? "") : "no mistakes";
}
