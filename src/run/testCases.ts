import { HarnessError } from "../model/harnessError.ts";
import type { Engine } from "../model/engine.ts";
import { checkExperiment, type Experiment } from "../model/experiment.ts";
import { nearest } from "../model/nearest.ts";
import { testCase, type Params, type TestCase } from "../model/testCase.ts";
import type { WorkloadGenerator } from "../model/workload.ts";
import { asMistake } from "./asMistake.ts";
import type { FoundTest, TestFile } from "./discover.ts";
import { byAuthor } from "../workloads/byAuthor.ts";
import type { Overrides } from "./params.ts";

/** One test case of a test function, under the name its files will have. */
export interface NamedTestCase {
  readonly name: string;
  readonly summary?: string;
  readonly file?: string;
  readonly testCase: TestCase;
}

/** A test function that returned []: it has nothing to run today, which is told, and the others go on. */
export interface SkippedTest {
  readonly name: string;
  readonly isSkipped: true;
}

/** Calls a test function; runs nothing. Whatever is wrong with it is the author's mistake. */
export function describeTest(file: TestFile, test: FoundTest, params: Params): readonly (NamedTestCase | SkippedTest)[] {
  try {
    return casesOf(file, test, params);
  } catch (error) {
    throw asMistake(test.name, error);
  }
}

function casesOf(file: TestFile, test: FoundTest, params: Params): readonly (NamedTestCase | SkippedTest)[] {
  const returned: unknown = test.function(params);
  // A forgotten return must not pass for a test that was run.
  if (returned === undefined) {
    throw new HarnessError("usage", "returns nothing", { hint: "return testCase({ … }), or [] where there is nothing to run today" });
  }
  if (returned instanceof Promise) {
    returned.catch(() => {}); // its failure is not the news: that it is a promise is
    throw new HarnessError("usage", "returns a promise", {
      hint: "a test function says what to run and runs nothing: make it a plain function",
    });
  }
  const cases: readonly unknown[] = Array.isArray(returned) ? returned : [returned];
  if (cases.length === 0) return [{ name: test.name, isSkipped: true }];
  return cases.map((returnedCase, index) => ({
    name: cases.length === 1 ? test.name : `${test.name}-${index + 1}`,
    ...(test.summary === undefined ? {} : { summary: test.summary }),
    file: file.path,
    testCase: parseTestCase(returnedCase),
  }));
}

/** Also what `testCase(…)` has made is looked at: authors spread and change it, and JavaScript users write plain objects. */
function parseTestCase(value: unknown): TestCase {
  const hint = "return testCase({ engines: { … }, experiments: [ … ] })";
  if (typeof value !== "object" || value === null) {
    throw new HarnessError("usage", `returns ${value === null ? "null" : `a ${typeof value}`}, not a test case`, { hint });
  }
  if (!("engines" in value) || !("experiments" in value)) throw new HarnessError("usage", "what it returns is not a test case", { hint });
  return testCase(value as TestCase & { baseline: string }); // a claim that testCase() then checks, member by member
}

/** `--only`, `--requests` and `--seed` applied: the same test case, smaller. */
export function overridden(named: NamedTestCase, overrides: Overrides): NamedTestCase {
  const { testCase } = named;
  const experiments = testCase.experiments.map((experiment, index) => ({
    ...(overrides.requests === undefined ? experiment : resized(experiment, overrides.requests)),
    // Each its own, or a later experiment would find an earlier one's documents in every cache.
    seed: overrides.seed === undefined ? experiment.seed : overrides.seed + index,
  }));
  return { ...named, testCase: onlyEngines({ ...testCase, experiments }, overrides.only) };
}

/** A title of the author's own stays; one that its workload gave may count the requests. */
function resized(experiment: Experiment, requests: number): Experiment {
  const workload = resizedWorkload(experiment, requests);
  return { ...experiment, workload, title: experiment.title === experiment.workload.title ? workload.title : experiment.title };
}

function resizedWorkload({ title, workload, arrivals }: Experiment, requests: number): WorkloadGenerator {
  try {
    const changed = byAuthor(`resized(${requests}) of workload ${workload.kind}`, () => workload.resized(requests));
    checkExperiment(`what resized(${requests}) of workload ${workload.kind} gives`, { workload: changed, arrivals });
    return changed;
  } catch (error) {
    throw asMistake(title, error);
  }
}

function onlyEngines(testCase: TestCase, only: readonly string[] | undefined): TestCase {
  if (only === undefined) return testCase;
  const names = Object.keys(testCase.engines);
  if (names.every((name) => only.includes(name)) && only.every((name) => names.includes(name))) return testCase;
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    const meant = unknown.map((name) => nearest(name, names)).find((name) => name !== undefined);
    throw new HarnessError("usage", `--only ${only.join(",")}: there is no engine ${unknown.join(" and no ")}`, {
      hint: `${meant === undefined ? "" : `did you mean ${meant}? `}it has ${names.join(", ")}`,
    });
  }
  const engines: Record<string, Engine> = Object.fromEntries(Object.entries(testCase.engines).filter(([name]) => only.includes(name)));
  const { baseline, checks: _checksNeedEveryEngine, ...rest } = testCase;
  // Checks may speak of engines that are left out, so they are left out with them.
  return { ...rest, engines, ...(baseline !== undefined && only.includes(baseline) ? { baseline } : {}) };
}

/** What `--only` leaves out beside engines: a run without its checks is not to pass for one that has met them. */
export function leftOutWith({ name, testCase }: NamedTestCase, { only }: Pick<Overrides, "only">): readonly string[] {
  const { engines, baseline, checks } = testCase;
  const names = Object.keys(engines);
  const others = only === undefined ? [] : names.filter((engine) => !only.includes(engine));
  if (others.length === 0) return [];
  const unchecked =
    checks === undefined ? [] : [`nothing is checked: its checks may speak of ${others.join(" and ")}, which --only leaves out`];
  const isAlone = baseline !== undefined && others.includes(baseline) && names.length - others.length > 1;
  const uncompared = isAlone ? [`nothing is compared: --only leaves out ${baseline}, its baseline`] : [];
  return [...unchecked, ...uncompared].map((message) => `${name}: ${message}`);
}
