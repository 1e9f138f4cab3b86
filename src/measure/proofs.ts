import type { ValidityReason } from "../model/figures.ts";
import { grouped, groupedSize } from "../model/grouped.ts";
import type { CacheReuse, EngineProof, Trait } from "../model/proof.ts";
import type { TestResult } from "../model/result.ts";
import type { CacheTokens } from "./cacheTokens.ts";

/** Beyond this share of the prompt tokens, what came out of a cache is not what the workload made possible. */
export const cacheTolerance = 0.02;

/** The proof of whether an engine keeps anything, as it is called in journals. */
export const askedTwice = "a prompt asked twice";

/** Unlike in one of these, engines are unlike machines: what differs may be that alone. */
const decisive: ReadonlySet<string> = new Set(["cores", "cores allowed", "dtype", "quantization"]);

const placement: ReadonlySet<string> = new Set(["cores", "cores allowed"]);

/** Every kind of engine has these; the others mean something within one kind only. */
const common: ReadonlySet<string> = new Set(["cores", "cores allowed", "dtype", "context limit"]);

/** A second boot finds a little more or less memory free: 0.5 % was seen on an H100. */
const sizeTolerance = 0.02;

/** The last word on what an engine keeps, and in which pieces. */
export function reuseOf(engine: string, { proofs = [] }: TestResult): CacheReuse | undefined {
  return proofs.findLast((proof) => proof.engine === engine && proof.reuse !== undefined)?.reuse;
}

/** What the engines' proofs say against an experiment. */
export function proofReasons(experiment: number, result: TestResult, tokens: readonly CacheTokens[]): readonly ValidityReason[] {
  const { proofs = [] } = result;
  const bearing = proofs.filter((proof) => proof.experiment === undefined || proof.experiment === experiment);
  return [
    ...bearing.flatMap(unproven),
    ...differences(result)
      .filter(({ wasAsked }) => !wasAsked)
      .map(reasonOf),
    ...tokens.flatMap((one) => unexpected(one, bearing)),
    ...tokens.flatMap(contradictory),
  ];
}

function unproven({ engine, checks }: EngineProof): readonly ValidityReason[] {
  return checks.flatMap(({ what, wanted, found, ok, partly }): readonly ValidityReason[] => {
    const told = `${what}: wanted ${groupedSize(wanted)}, found ${groupedSize(found)}`;
    if (ok === false) {
      const advice = "read its log, and run again when it does what its description says";
      return [{ state: "INVALID", what: `is not what was asked for: ${told}`, advice, engine }];
    }
    if (partly !== true) return [];
    const advice =
      "its cache is small, slow to store, or keeps less of this model, or only pieces longer than these prompts: read warm figures as those of partly warm requests";
    return [{ state: "DEGRADED", what: `is only in part what was asked for: ${told}`, advice, engine }];
  });
}

export interface Difference {
  readonly what: string;
  /** By engine, those that tell of it. */
  readonly found: readonly { readonly engine: string; readonly value: string }[];
  readonly wasAsked: boolean;
}

/** Where engines of a test are unlike, asked for or not. */
export function differences({ proofs = [], description }: TestResult): readonly Difference[] {
  const kinds = new Map(description.engines.map(({ name, kind }) => [name, kind]));
  const traits = proofs.flatMap(({ engine, traits }) => traits.map((trait) => ({ engine, trait })));
  const comparable = Map.groupBy(traits, ({ engine, trait }) =>
    common.has(trait.what) ? trait.what : `${trait.what} of ${kinds.get(engine) ?? ""}`,
  );
  return [...comparable.values()].flatMap((told) => {
    const found = told.map(({ engine, trait }) => ({ engine, value: trait.found }));
    const all = told.map(({ trait }) => trait);
    return areAlike(all) ? [] : [{ what: all[0]?.what ?? "", found, wasAsked: wereAsked(all) }];
  });
}

function areAlike(traits: readonly Trait[]): boolean {
  const sizes = traits.map(({ found }) => sizeIn(found));
  const known = sizes.filter((size) => size !== undefined);
  if (known.length === traits.length) return Math.max(...known) <= Math.min(...known) * (1 + sizeTolerance);
  return new Set(traits.map(({ found }) => found)).size < 2;
}

/** "385,104 tokens" */
function sizeIn(found: string): number | undefined {
  const digits = /^([\d,]+) \w+$/.exec(found)?.[1];
  return digits === undefined ? undefined : Number(digits.replaceAll(",", ""));
}

/** Who was asked for the same must be the same. Cores that were left to an engine are its own choice, whatever another was bound to. */
function wereAsked(traits: readonly Trait[]): boolean {
  if (traits.some(({ what, asked }) => placement.has(what) && asked === undefined)) return false;
  return [...Map.groupBy(traits, ({ asked = "" }) => asked).values()].every(areAlike);
}

function reasonOf({ what, found }: Difference): ValidityReason {
  const values = found.map(({ engine, value }) => `${engine} ${groupedSize(value)}`).join(", ");
  return {
    state: decisive.has(what) ? "INVALID" : "DEGRADED",
    what: `the engines differ in more than what was asked for: ${what}: ${values}`,
    advice: adviceOn(what),
  };
}

function adviceOn(what: string): string {
  if (what.startsWith("cores")) {
    return "give every engine the same cores (VLLM_CPU_OMP_THREADS_BIND in each one's env, taskset, cpusets), and run again";
  }
  if (what === "Torch threads") return "give every engine the same OMP_NUM_THREADS in its env, and run again";
  return `ask for the same ${what} in every engine, or read the comparison as one of both differences`;
}

/** Where few of a workload's prompt tokens can be found again, so much of those few may be missing. */
const missingTolerance = 0.25;

/** By its replies; where they tell nothing of caches, by what it counts itself. */
function unexpected(tokens: CacheTokens, proofs: readonly EngineProof[]): readonly ValidityReason[] {
  const {
    engine,
    expected,
    observed,
    counted,
    promptTokens = 0,
    keepsNothing,
    mayCountAgain = false,
    hadWaiting = false,
    tooEarly,
  } = tokens;
  const found = observed ?? counted;
  if (found === undefined) return [];
  // Of nothing to find nothing is counted again.
  const isCountedAgain = observed === undefined && mayCountAgain && hadWaiting && expected !== 0;
  if (isCountedAgain && found > (expected ?? 0)) return [];
  if (expected === undefined) return beyondPossible(tokens, found);
  const tolerance = cacheTolerance * promptTokens;
  if (Math.abs(found - expected) <= (expected > 0 ? Math.min(tolerance, missingTolerance * expected) : tolerance)) return [];
  const what = `found ${grouped(found)} prompt tokens in its caches where the workload makes ${grouped(expected)} possible`;
  if (found < expected) {
    const why = tooEarly ?? (wasFull(engine, proofs) ? full : "its caches were too small, or too slow to store");
    return [{ state: "DEGRADED", what, advice: `${why}; read warm figures as those of partly warm requests`, engine }];
  }
  if (keepsNothing !== true) return [{ state: "DEGRADED", what, advice: fullBefore, engine }];
  const before = wasProven(engine, proofs) ? ", and did not when it was asked beforehand" : "";
  const advice = `it keeps prompts although it was not to${before}: read its log`;
  return [{ state: "INVALID", what: `found ${grouped(found)} prompt tokens in a cache, and was to have none`, advice, engine }];
}

const full = "its cache was full, as its log says, and gave up what it had kept: give it more memory";

function wasFull(engine: string, proofs: readonly EngineProof[]): boolean {
  return proofs.some((proof) => proof.engine === engine && proof.wasFull !== undefined);
}

function wasProven(engine: string, proofs: readonly EngineProof[]): boolean {
  const asking = proofs
    .filter((proof) => proof.engine === engine)
    .flatMap(({ checks }) => checks.filter(({ what }) => what === askedTwice));
  return asking.length > 0 && asking.every(({ ok }) => ok === true);
}

const fullBefore = "something was in its caches before: ask for cacheState cold, or read cold figures as those of partly warm requests";

/** Of prompts that are not known to the token, such as a chat's. */
function beyondPossible({ engine, possible, observed }: CacheTokens, found: number): readonly ValidityReason[] {
  // What replies tell is held against each cold request by itself.
  if (observed !== undefined || possible === undefined || found <= possible * (1 + cacheTolerance)) return [];
  const what = `counted ${grouped(found)} prompt tokens found in its caches where the workload makes at most ${grouped(Math.round(possible))} possible`;
  return [{ state: "DEGRADED", what, advice: fullBefore, engine }];
}

/** Of one of the two nobody knows whether it is of these requests. With two caches, what both have may be counted twice. */
function contradictory(tokens: CacheTokens): readonly ValidityReason[] {
  const { engine, toldOfAll, counted, own = 0, external = 0, promptTokens = 0, mayCountAgain = false } = tokens;
  if (own > 0 && external > 0) return [];
  if (toldOfAll === undefined || counted === undefined || Math.abs(toldOfAll - counted) <= cacheTolerance * promptTokens) return [];
  // That requests wait is seen once a second, and they may be looked at a hundred times meanwhile.
  if (mayCountAgain && counted > toldOfAll) return [];
  return [
    {
      state: "DEGRADED",
      what: `its replies tell ${grouped(toldOfAll)} prompt tokens out of its caches, its counters grew by ${grouped(counted)}`,
      advice:
        "one of the two is not of these requests: see who else uses it, or what stands before it; do not rely on what it is said to have found",
      engine,
    },
  ];
}
