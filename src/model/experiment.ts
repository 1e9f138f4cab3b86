import { checkOptions, checkTogether, nonEmptyText, plainData, positive, share, wholeNumber, type OptionRule } from "./checkOptions.ts";
import { largestSeed } from "./draw.ts";
import { limitNames, limitRules, type LimitChanges } from "./limits.ts";
import { most } from "./most.ts";
import type { Seconds } from "./time.ts";
import type { Arrivals, WorkloadGenerator } from "./workload.ts";

/**
 * How the engines of an experiment share the time. `together`: each request goes to all of them at its time. `inTurn`: each engine has the whole
 * workload alone. `interleaved`: each has it at the workload's own times, moved by its share of the mean gap, so that they alternate.
 */
export type Order = "together" | "inTurn" | "interleaved";

/**
 * What engines have in their caches when an experiment starts. `cold`: emptied before each block. `primed`: every context asked about once,
 * unmeasured. `asItIs`: whatever was left by what ran before.
 */
export type CachesBefore = "cold" | "primed" | "asItIs";

export interface Deadlines {
  /** Until a connection is open, TLS included. */
  readonly connect: Seconds;
  /** From sent. */
  readonly firstToken: Seconds;
  /** Between two events of one stream. */
  readonly idle: Seconds;
  /** From sent to the end. */
  readonly request: Seconds;
  /** From due: what could not be sent by then is dropped. Undefined: it is sent late. */
  readonly send?: Seconds;
  /** From the start of a block, and where engines are in turn of each one's block. Undefined: as long as the requests take. */
  readonly experiment?: Seconds;
}

/** What each request is to keep, from sent: a request that keeps all that are named counts towards goodput. */
export interface Slo {
  readonly ttft?: Seconds;
  readonly tpot?: Seconds;
  readonly e2e?: Seconds;
}

export const defaultDeadlines: Deadlines = { connect: 5, firstToken: 120, idle: 60, request: 600 };

/** Every engine of a test case under one workload. */
export interface Experiment {
  readonly title: string;
  readonly workload: WorkloadGenerator;
  readonly arrivals: Arrivals;
  /** Undefined: together where the engines' slots are disjoint, else in turn. */
  readonly order?: Order;
  /** Blocks: how often the order is gone through, each time with prompts of its own where the workload can make them. */
  readonly repeats: number;
  readonly seed: number;
  readonly deadlines: Deadlines;
  /** Undefined: as it is. */
  readonly cacheState?: CachesBefore;
  /** Undefined: the usual ones. */
  readonly limits?: LimitChanges;
  /** Undefined: 5 %. */
  readonly margin?: number;
  /** Undefined: there is no goodput. */
  readonly slo?: Slo;
}

export interface ExperimentOptions {
  readonly workload: WorkloadGenerator;
  readonly arrivals: Arrivals;
  readonly order?: Order;
  /** 1 unless said. */
  readonly repeats?: number;
  /** 0 unless said. */
  readonly seed?: number;
  /** The workload's unless said. */
  readonly title?: string;
  /** Those left out are the default ones. */
  readonly deadlines?: Partial<Deadlines>;
  /** `asItIs` unless said: prompts of one test never repeat those of another experiment. */
  readonly cacheState?: CachesBefore;
  /** Where it is judged otherwise than usual: `{ saturation: false }` is for comparing engines that cannot keep up, on purpose. */
  readonly limits?: LimitChanges;
  /** The smallest difference anyone would act on, as a share: engines are better or worse beyond it, equivalent within it. 0.05 unless said. */
  readonly margin?: number;
  /** Objectives of each request, for its goodput: `{ ttft: 0.5, tpot: 0.05 }`. */
  readonly slo?: Slo;
}

const orders: readonly unknown[] = ["together", "inTurn", "interleaved"] satisfies readonly Order[];

const cacheStates: readonly unknown[] = ["cold", "primed", "asItIs"] satisfies readonly CachesBefore[];

const rules = {
  workload: complete("generate", "must be a workload, such as documentQa({ … })", {
    kind: [nonEmptyText, "a text"],
    title: [nonEmptyText, "a text"],
    options: [plainData, "an object of texts, numbers, true and false"],
    resized: [aFunction, "a function"],
    doubt: [textIfAny, "a text"],
  }),
  arrivals: complete("schedule", "must be arrivals, such as every({ seconds: 8 })", {
    kind: [nonEmptyText, "a text"],
    options: [plainData, "an object of texts, numbers, true and false"],
    phrase: [textIfAny, "a text"],
  }),
  order: (value: unknown) => (orders.includes(value) ? undefined : `must be one of ${orders.join(", ")}`),
  repeats: wholeNumber({ from: 1, to: most.requests }),
  seed: wholeNumber({ from: 0, to: largestSeed }),
  title: nonEmptyText,
  cacheState: (value: unknown) => (cacheStates.includes(value) ? undefined : `must be one of ${cacheStates.join(", ")}`),
  margin: share,
  deadlines: anObject,
  limits: anObject,
  slo: (value: unknown) =>
    isDescription(value) && Object.values(value).some((objective) => objective !== undefined)
      ? undefined
      : "must name one of ttft, tpot and e2e, such as { ttft: 0.5 }",
};

const sloRules: Readonly<Record<keyof Slo, OptionRule>> = { ttft: positive, tpot: positive, e2e: positive };

const deadlineRules: Readonly<Record<keyof Deadlines, OptionRule>> = {
  connect: positive,
  firstToken: positive,
  idle: positive,
  request: positive,
  send: positive,
  experiment: positive,
};

/** One workload for every engine of a test case. */
export function experiment(options: ExperimentOptions): Experiment {
  checkExperiment("experiment()", options);
  return completed(options);
}

/** Throws one error with every mistake in an experiment: in what an author gives `experiment()`, and in what authors spread and change after it. */
export function checkExperiment(what: string, options: ExperimentOptions): void {
  const { deadlines, limits, slo }: Readonly<Record<string, unknown>> = isDescription(options) ? { ...options } : {};
  checkTogether(
    () => checkOptions(what, options, Object.keys(rules), rules, ["workload", "arrivals"]),
    () => checkOptions(`${what}: deadlines`, isDescription(deadlines) ? deadlines : {}, Object.keys(deadlineRules), deadlineRules),
    () => checkOptions(`${what}: limits`, isDescription(limits) ? limits : {}, limitNames, limitRules),
    () => checkOptions(`${what}: slo`, isDescription(slo) ? slo : {}, Object.keys(sloRules), sloRules),
  );
}

/** With what is usual where an author has said nothing. */
export function completed(options: ExperimentOptions): Experiment {
  const { workload, arrivals, order, repeats = 1, seed = 0, title, deadlines = {}, cacheState, limits, margin, slo } = options;
  return {
    title: title ?? workload.title,
    workload,
    arrivals,
    ...(order === undefined ? {} : { order }),
    repeats,
    seed,
    deadlines: { ...defaultDeadlines, ...said(deadlines) },
    ...(cacheState === undefined ? {} : { cacheState }),
    ...(limits === undefined ? {} : { limits }),
    ...(margin === undefined ? {} : { margin }),
    ...(slo === undefined ? {} : { slo: said(slo) }),
  };
}

/** Without those that a JavaScript author left undefined. */
function said<Times extends object>(times: Times): Partial<Times> {
  return Object.fromEntries(Object.entries(times).filter(([, value]) => value !== undefined)) as Partial<Times>;
}

type Members = Readonly<Record<string, readonly [rule: OptionRule, what: string]>>;

/** A description is known by the function it must have; one of an author's own that lacks something else is told what. */
function complete(method: string, mistake: string, members: Members): OptionRule {
  return (value) => {
    if (!isDescription(value) || aFunction(value[method]) !== undefined) return mistake;
    const missing = Object.entries(members).flatMap(([name, [rule, what]]) =>
      rule(value[name]) === undefined ? [] : [`${name}, ${what}`],
    );
    return missing.length === 0 ? undefined : `must also have ${missing.join("; and ")}`;
  };
}

function textIfAny(value: unknown): string | undefined {
  return value === undefined ? undefined : nonEmptyText(value);
}

function aFunction(value: unknown): string | undefined {
  return typeof value === "function" ? undefined : "must be a function";
}

function anObject(value: unknown): string | undefined {
  return isDescription(value) ? undefined : "must be an object";
}

function isDescription(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
