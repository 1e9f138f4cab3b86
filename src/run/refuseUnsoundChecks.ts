import type { Distribution, EngineSummary, Summary } from "../model/figures.ts";
import { HarnessError } from "../model/harnessError.ts";
import { nearest } from "../model/nearest.ts";
import type { Checks } from "../model/testCase.ts";

/**
 * Tries checks on figures that nobody measured, and throws where they ask for one that there is not, or want what is no number: after the
 * run all of it would be told as not met. What else they throw may come from these very figures, and is left to the real ones.
 */
export function refuseUnsoundChecks(checks: Checks<string>, engines: readonly string[]): void {
  const [missing, absent] = [new Set<string>(), new Set<string>()];
  const on = strict(Object.fromEntries(engines.map((name) => [name, standIn(name, missing)])), "the test", absent);
  const mistakes = [...found(checks, on, absent), ...missing];
  if (mistakes.length === 0) return;
  throw new HarnessError("usage", `checks: ${mistakes.join("; ")}`, {
    hint: "such as atMost(on.plain.ttft.p50, 0.5), in seconds; EngineSummary in src/model/figures.ts has all figures",
  });
}

/** Checks that several tests share may look whether an engine is there: one that is not is a mistake where they cannot do without it. */
function found(checks: Checks<string>, on: Readonly<Record<string, EngineSummary>>, absent: ReadonlySet<string>): readonly string[] {
  try {
    const found: unknown = checks(on);
    if (found instanceof Promise) found.catch(() => {}); // that it is a promise is told with the verdicts
    if (typeof found !== "object" || found === null) return [];
    return Object.entries(found).flatMap(([name, check]: readonly [string, unknown]) =>
      hasNoLimit(check) ? [`"${name}" wants ${check.wanted}`] : [],
    );
  } catch {
    return [...absent];
  }
}

function hasNoLimit(check: unknown): check is { readonly wanted: string } {
  return typeof check === "object" && check !== null && "noLimit" in check && "wanted" in check;
}

/** Every figure there can be, no two the same: a difference that is divided by is not 0. */
function standIn(engine: string, missing: Set<string>): EngineSummary {
  let last = 0;
  const number = () => ++last;
  const distribution = (name: string): Distribution =>
    strict(
      {
        count: number(),
        mean: number(),
        meanInterval: [number(), number()],
        min: number(),
        p50: number(),
        p90: number(),
        p99: number(),
        max: number(),
      },
      name,
      missing,
    );
  const summary = (name: string): Summary => ({
    requests: number(),
    completed: number(),
    failures: number(),
    cancelled: number(),
    failuresByCode: {},
    ttft: distribution(`${name}.ttft`),
    ttftFromDue: distribution(`${name}.ttftFromDue`),
    timeToHeaders: distribution(`${name}.timeToHeaders`),
    e2e: distribution(`${name}.e2e`),
    e2eFromDue: distribution(`${name}.e2eFromDue`),
    itl: distribution(`${name}.itl`),
    tpot: distribution(`${name}.tpot`),
    throughput: distribution(`${name}.throughput`),
    sendLag: distribution(`${name}.sendLag`),
    promptTokens: number(),
    cachedTokens: number(),
    outputTokens: number(),
    span: number(),
    outputTokensPerSecond: number(),
    requestsPerSecond: number(),
  });
  const part = (name: string) => strict(summary(`${engine}.${name}`), `${engine}.${name}`, missing);
  return strict({ engine, ...summary(engine), cold: part("cold"), partial: part("partial"), warm: part("warm") }, engine, missing);
}

/** The same, which notes whoever asks for a member that it does not have. */
function strict<Members extends object>(members: Members, name: string, missing: Set<string>): Members {
  return new Proxy(members, {
    get: (target, member, receiver) => {
      if (typeof member === "string" && member !== "toJSON" && !(member in target))
        missing.add(unknownMember(name, member, Object.keys(target)));
      return Reflect.get(target, member, receiver) as unknown;
    },
  });
}

function unknownMember(name: string, member: string, known: readonly string[]): string {
  const meant = nearest(member, known);
  return `${name} has no ${member}, ${meant === undefined ? `it has ${known.join(", ")}` : `did you mean ${meant}?`}`;
}
