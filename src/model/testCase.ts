import { checkOptions, checkTogether, type OptionRule } from "./checkOptions.ts";
import type { Engine } from "./engine.ts";
import { mistakesInEngine } from "./engineRules.ts";
import { checkExperiment, completed, type Experiment } from "./experiment.ts";
import type { Check, EngineSummary } from "./figures.ts";
import { HarnessError } from "./harnessError.ts";
import { nearest } from "./nearest.ts";

/** What every test function is given. Flags of the command line end up here. */
export interface Params {
  readonly model: string;
  /** From `--set key=value`. */
  readonly set: Readonly<Record<string, string>>;
}

/** Checks of one experiment: from each engine's summary to named checks. Evaluated per experiment, never pooled. */
export type Checks<Name extends string> = (on: Readonly<Record<Name, EngineSummary>>) => Readonly<Record<string, Check>>;

/** Named engines, a list of experiments, checks. */
export interface TestCase<Name extends string = string> {
  readonly engines: Readonly<Record<Name, Engine>>;
  /** The engine the others are compared with. Required with two or more. */
  readonly baseline?: Name;
  readonly experiments: readonly Experiment[];
  readonly checks?: Checks<Name>;
}

/** An exported function of a test file: from parameters to what should run, [] for nothing today. Runs nothing itself. */
export type TestFunction = (params: Params) => TestCase | readonly TestCase[];

/** What an author writes: names are inferred from the engines, and with two or more of them one is the baseline. */
export type TestCaseOptions<Engines extends Readonly<Record<string, Engine>>> = {
  readonly engines: Engines;
  readonly experiments: readonly Experiment[];
  readonly checks?: Checks<NameOf<Engines>>;
} & BaselineOf<NameOf<Engines>>;

type NameOf<Engines> = keyof Engines & string;

type BaselineOf<Name extends string> = IsUnion<Name> extends true ? { readonly baseline: Name } : { readonly baseline?: Name };

// Distributes over the names: only where there is one of them is it all of them.
type IsUnion<All, One = All> = One extends All ? ([All] extends [One] ? false : true) : never;

const rules: Readonly<Record<keyof TestCase, OptionRule>> = {
  engines: (value) => (Object.keys(entriesOf(value)).length > 0 ? undefined : "must name at least one engine: { plain: vllm({ model }) }"),
  experiments: (value) =>
    Array.isArray(value) && value.length > 0 ? undefined : "must be a list of at least one experiment: [experiment({ … })]",
  baseline: () => undefined,
  checks: (value) => (typeof value === "function" ? undefined : "must be a function: (on) => ({ … })"),
};

/** Engines to be compared, under a list of experiments. All mistakes are told at once. */
export function testCase<const Engines extends Readonly<Record<string, Engine>>>(options: TestCaseOptions<Engines>): TestCase {
  checkTogether(
    () => checkOptions("testCase()", options, Object.keys(rules), rules, ["engines", "experiments"]),
    () => checkMembers(options),
    ...lookedAt(options.experiments),
  );
  const { engines, baseline, experiments, checks } = options;
  return {
    engines,
    ...(baseline === undefined ? {} : { baseline }),
    experiments: withPromptsOfTheirOwn(experiments.map(completed)),
    ...(checks === undefined ? {} : { checks }),
  };
}

/**
 * Engines stay up between experiments: one with the seed of an earlier one would find that one's prompts in every cache. A seed that is taken becomes the
 * next one that is not.
 */
export function withPromptsOfTheirOwn(experiments: readonly Experiment[], before: Iterable<number> = []): readonly Experiment[] {
  const taken = new Set(before);
  return experiments.map((experiment) => {
    let { seed } = experiment;
    while (taken.has(seed)) seed++;
    taken.add(seed);
    return { ...experiment, seed };
  });
}

function checkMembers({ engines, baseline, experiments }: Pick<TestCase, "engines" | "baseline" | "experiments">): void {
  const named = Object.keys(entriesOf(engines));
  const mistakes = [
    ...engineMistakes(entriesOf(engines)),
    ...(named.length === 0 ? [] : baselineMistakes(named, baseline)),
    ...(Array.isArray(experiments) ? experimentMistakes(experiments) : []),
  ];
  if (mistakes.length > 0) throw new HarnessError("usage", `testCase(): ${mistakes.join("; ")}`);
}

/** Engines of an author's own are spread, too, and type-checked by nobody. */
function engineMistakes(engines: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(engines).flatMap(([name, engine]) => [...nameMistakes(name), ...descriptionMistakes(name, engine)]);
}

function descriptionMistakes(name: string, engine: unknown): readonly string[] {
  if (!("launch" in entriesOf(engine) || "wire" in entriesOf(engine))) return [`${name} is not an engine, such as vllm({ model })`];
  return mistakesInEngine(engine).map((mistake) => `engine ${name}: ${mistake}`);
}

/** Names become directories, columns and members of objects, of which each has a `constructor` already: charts would find that in their place. */
function nameMistakes(name: string): readonly string[] {
  if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) return [`engine "${name}" must have a name of letters, digits, "_", "-" and "."`];
  return name in Object.prototype ? [`engine "${name}" must have another name: every object of JavaScript has a ${name} already`] : [];
}

function baselineMistakes(names: readonly string[], baseline: string | undefined): readonly string[] {
  if (baseline === undefined) return names.length > 1 ? [`baseline is missing: it is one of ${names.join(", ")}`] : [];
  if (names.includes(baseline)) return [];
  const meant = nearest(baseline, names);
  return [`there is no engine "${baseline}" to be the baseline${meant === undefined ? "" : `, did you mean "${meant}"?`}`];
}

function experimentMistakes(experiments: readonly unknown[]): readonly string[] {
  return experiments.flatMap((experiment, index) =>
    isExperiment(experiment) ? [] : [`experiment ${index} is not one: experiment({ workload, arrivals }) makes one`],
  );
}

function isExperiment(value: unknown): value is Experiment {
  return "deadlines" in entriesOf(value);
}

/** Experiments are spread and changed as much as whole test cases are. */
function lookedAt(experiments: unknown): readonly (() => void)[] {
  if (!Array.isArray(experiments)) return [];
  return experiments.flatMap((experiment: unknown, index) =>
    isExperiment(experiment) ? [() => checkExperiment(nameOf(experiment, index), experiment)] : [],
  );
}

function nameOf({ title }: Experiment, index: number): string {
  return typeof title === "string" && title !== "" ? `experiment ${index} (${title})` : `experiment ${index}`;
}

/** Of whatever a JavaScript author wrote. */
function entriesOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
