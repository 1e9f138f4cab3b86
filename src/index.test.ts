import {
  attached,
  documentQa,
  every,
  experiment,
  simulated,
  testCase,
  vllm,
  withLmcache,
  type Arrivals,
  type Check,
  type Checks,
  type Deadlines,
  type Engine,
  type Params,
  type TestFunction,
  type Arrival,
  type CacheResets,
  type CacheReuse,
  type CacheRoom,
  type Command,
  type ContainerOptions,
  type Draw,
  type EngineClaims,
  type EngineMetrics,
  type InfoQuestion,
  type InstalledProgram,
  type KeptOutside,
  type Launch,
  type Message,
  type MetricName,
  type MetricSource,
  type Options,
  type Passage,
  type Readiness,
  type RealPath,
  type ReplyOf,
  type Request,
  type Service,
  type ServiceAddress,
  type ServiceCheck,
  type ServiceLaunch,
  type ServiceReset,
  type ServiceSlot,
  type Services,
  type SimulationOptions,
  type Slot,
  type StaysFull,
  type TokenizerQuestion,
  type TraitClaim,
  type TraitSource,
  type Wire,
  type Workload,
  type WorkloadGenerator,
  type World,
} from "tandem";
import * as testing from "tandem/testing";
import { expect, test } from "vitest";

const workload = documentQa({ contextTokens: 100, questionTokens: 4, documents: 1, requests: 3 });
const short = experiment({ workload, arrivals: every({ seconds: 1 }) });
const engines = { cached: simulated({ cpuCacheGigabytes: 5 }), plain: simulated() };
const always: Check = { ok: true, wanted: "anything" };

test("the shared suites are found under their name, by whoever writes an engine, a workload or a report", () => {
  const suites = ["Arrivals", "Engine", "Launcher", "Probe", "Report", "Workload"].map((what) => `describe${what}`);
  expect(Object.keys(testing).toSorted()).toEqual(suites);
});

test("an experiment is complete with a workload and arrivals", () => {
  expect(short).toEqual({
    title: "100 context tokens, 3 questions",
    workload,
    arrivals: short.arrivals,
    repeats: 1,
    seed: 0,
    deadlines: { connect: 5, firstToken: 120, idle: 60, request: 600 },
  });
  expect(experiment({ workload, arrivals: short.arrivals, deadlines: { request: 30 } }).deadlines).toEqual({
    ...short.deadlines,
    request: 30,
  });
});

test("experiments of one test case have prompts of their own: engines stay up between them", () => {
  const seeds = (given: readonly number[]) =>
    testCase({ engines, baseline: "plain", experiments: given.map((seed) => ({ ...short, seed })) }).experiments.map(({ seed }) => seed);
  expect(seeds([0, 0, 0])).toEqual([0, 1, 2]);
  expect(seeds([7, 3, 7])).toEqual([7, 3, 8]);
});

test("all mistakes of a JavaScript author are told at once", () => {
  const engines = { "my engine": simulated(), plain: {} };
  // @ts-expect-error not an engine, a misspelt baseline, a bare workload
  expect(() => testCase({ engines, baseline: "plian", experiments: [workload] })).toThrow(
    'testCase(): engine "my engine" must have a name of letters, digits, "_", "-" and "."; plain is not an engine, such as vllm({ model }); ' +
      'there is no engine "plian" to be the baseline, did you mean "plain"?; experiment 0 is not one: experiment({ workload, arrivals }) makes one',
  );
  // @ts-expect-error two engines need a baseline
  expect(() => testCase({ engines: { a: simulated(), b: simulated() }, experiments: [short] })).toThrow(
    "baseline is missing: it is one of a, b",
  );
  // @ts-expect-error misspelt
  expect(() => testCase({ engines: {}, experiments: [], cheks: 1 })).toThrow(
    "testCase(): engines must name at least one engine: { plain: vllm({ model }) }, not {}; experiments must be a list of at least one " +
      'experiment: [experiment({ … })], not []; there is no option "cheks", did you mean "checks"?',
  );
  // @ts-expect-error seconds are no arrivals, and there is no such order
  expect(() => experiment({ workload, arrivals: 8, order: "parallel" })).toThrow(
    'experiment(): arrivals must be arrivals, such as every({ seconds: 8 }), not 8; order must be one of together, inTurn, interleaved, not "parallel"',
  );
  // @ts-expect-error misspelt
  expect(() => experiment({ workload, arrivals: short.arrivals, seed: 1.2, deadlines: { frstToken: 5, idle: -1 } })).toThrow(
    "experiment(): seed must be a whole number of at least 0, not 1.2; " +
      'experiment(): deadlines: there is no option "frstToken", did you mean "firstToken"?; idle must be a number above 0, not -1',
  );
  // @ts-expect-error no experiment, and another engine's name
  expect(() => testCase({ engines: { a: simulated() }, baseline: "t", experiments: [] })).toThrow(
    'not []; testCase(): there is no engine "t" to be the baseline',
  );
});

test("options of an author's own are of any type of plain data, an interface included, and nothing else", () => {
  interface Own {
    readonly seconds: number;
    readonly name?: string;
  }
  const own = (options: Own): Arrivals => ({ kind: "own", options, schedule: () => [] });
  expect(experiment({ workload, arrivals: own({ seconds: 3 }) }).arrivals.options).toEqual({ seconds: 3 });
  expect(() => experiment({ workload, arrivals: { ...own({ seconds: 3 }), options: { at: [1, 2] } } })).toThrow(
    "arrivals must also have options, an object of texts, numbers, true and false",
  );
  expect(() => experiment({ workload, arrivals: { ...own({ seconds: 3 }), phrase: "" } })).toThrow(
    "arrivals must also have phrase, a text",
  );
});

test("an engine has no name that every object has: charts would find that in its place", () => {
  const named = (name: string) => testCase({ engines: { [name]: simulated() }, experiments: [short] });
  for (const name of ["constructor", "toString", "valueOf", "hasOwnProperty"]) {
    expect(() => named(name)).toThrow(`engine "${name}" must have another name: every object of JavaScript has a ${name} already`);
  }
  expect(() => named("__proto__")).toThrow('engine "__proto__" must have a name of letters');
  expect(Object.keys(named("prototype").engines)).toEqual(["prototype"]);
});

test("an experiment that was spread and changed is checked and completed like a new one", () => {
  const changed = (change: object) =>
    testCase({ engines: { a: simulated() }, experiments: [short, { ...short, ...change }] }).experiments[1]?.deadlines;
  expect(changed({ deadlines: { request: 2 } })).toEqual({ ...short.deadlines, request: 2 });
  expect(changed({ deadlines: undefined })).toEqual(short.deadlines);
  expect(() => changed({ deadlines: { request: NaN }, limits: { sendlag: false }, repeats: 1.5, order: "inturn", repeat: 3 })).toThrow(
    "experiment 1 (100 context tokens, 3 questions): repeats must be a whole number of at least 1, not 1.5; " +
      'order must be one of together, inTurn, interleaved, not "inturn"; there is no option "repeat", did you mean "repeats"?; ' +
      "experiment 1 (100 context tokens, 3 questions): deadlines: request must be a number above 0, not NaN; " +
      'experiment 1 (100 context tokens, 3 questions): limits: there is no option "sendlag", did you mean "sendLag"?',
  );
  expect(() => changed({ repeats: 0, seed: -1, margin: 5 })).toThrow(
    "repeats must be a whole number of at least 1, not 0; seed must be a whole number of at least 0, not -1; margin must be above 0",
  );
});

test("a margin is a share that an experiment may state", () => {
  expect(experiment({ workload, arrivals: short.arrivals, margin: 0.02 }).margin).toBe(0.02);
  expect(() => experiment({ workload, arrivals: short.arrivals, margin: 5 })).toThrow("margin must be above 0 and at most 1, not 5");
});

test("a deadline is a number of seconds above 0, and one left undefined is the default one", () => {
  const withDeadlines = (deadlines: Partial<Deadlines>) => experiment({ workload, arrivals: short.arrivals, deadlines }).deadlines;
  expect(() => withDeadlines({ connect: 0, firstToken: -1, idle: Infinity, request: NaN })).toThrow(
    "experiment(): deadlines: connect must be a number above 0, not 0; firstToken must be a number above 0, not -1; " +
      "idle must be a number above 0, not Infinity; request must be a number above 0, not NaN",
  );
  // @ts-expect-error text is not a number of seconds
  expect(() => withDeadlines({ connect: "5 s" })).toThrow('connect must be a number above 0, not "5 s"');
  // @ts-expect-error a JavaScript author may leave it undefined
  expect(withDeadlines({ connect: undefined, request: 30 })).toEqual({ ...short.deadlines, request: 30 });
});

// Never called: the compiler reads it, and complains where a line below "@ts-expect-error" has no error.
export function misspeltNamesDoNotCompile({ model }: Params): readonly unknown[] {
  const plain = vllm({ model });
  const cached = withLmcache(plain, { config: "configs/lmcache_local_cpu.yaml" });
  const right: TestFunction = () =>
    testCase({
      engines: { cached, plain },
      baseline: "plain",
      experiments: [8, 16].map((contextTokens) =>
        experiment({
          workload: documentQa({ contextTokens, questionTokens: 4, documents: 1, requests: 3 }),
          arrivals: every({ seconds: 1 }),
        }),
      ),
      checks: (on) => ({ "no failures": on.cached.failures + on.plain.failures === 0 ? always : { ...always, ok: false } }),
    });
  return [
    right,
    testCase({
      engines: { cached, plain },
      baseline: "plain",
      experiments: [short],
      // @ts-expect-error there is no engine cahced
      checks: (on) => ({ c: { ...always, observed: on.cahced.failures } }),
    }),
    // @ts-expect-error nor one called plian
    testCase({ engines: { cached, plain }, baseline: "plian", experiments: [short] }),
    // @ts-expect-error two engines need a baseline
    testCase({ engines: { cached, plain }, experiments: [short] }),
    testCase({ engines: { plain }, experiments: [short] }),
    // @ts-expect-error the only engine is not called cached
    testCase({ engines: { plain }, baseline: "cached", experiments: [short] }),
    // @ts-expect-error misspelt
    testCase({ engines: { plain }, experiments: [short], chekcs: () => ({}) }),
    // Names that are computed are known when the test runs.
    testCase({ engines: Object.fromEntries([["plain", plain]]) as Record<string, Engine>, experiments: [short] }),
    [1, 2].map((seconds) =>
      // @ts-expect-error misspelt, inside .map too
      experiment({ workload, arrivals: every({ seconds }), reapeats: 2 }),
    ),
    // @ts-expect-error misspelt
    documentQa({ contextToken: 1, questionTokens: 1, documents: 1, requests: 1 }),
    // @ts-expect-error misspelt
    vllm({ model, gpuMemoryUtilisation: 0.8 }),
    // @ts-expect-error misspelt
    attached({ uri: "http://127.0.0.1:8000" }),
    // @ts-expect-error a function of engines by name
    ((): Checks<"plain"> => (on) => ({ c: { ...always, observed: on.cached.failures } }))(),
  ];
}

// Likewise: whoever takes an engine, a workload or arrivals apart can say what each part is.
export interface Parts {
  readonly arrivals: [Arrivals, Arrival, Draw];
  readonly workload: [WorkloadGenerator, Workload, Options, Request, Message, Passage, ReplyOf];
  readonly engine: [Launch, Command, ContainerOptions, Readiness, Slot, World, InstalledProgram, SimulationOptions, Wire];
  readonly asked: [EngineMetrics, MetricName, MetricSource, InfoQuestion, TokenizerQuestion];
  readonly shown: [EngineClaims, CacheReuse, TraitClaim, TraitSource, RealPath];
  readonly caches: [CacheResets, StaysFull, CacheRoom];
  readonly services: [Services, Service, ServiceLaunch, ServiceAddress, ServiceSlot, ServiceCheck, ServiceReset, KeptOutside];
}
