import { randomInt } from "node:crypto";

import { processTerminal } from "../host/terminal.ts";
import { known } from "../measure/known.ts";
import { largestSeed } from "../model/draw.ts";
import type { HarnessError } from "../model/harnessError.ts";
import { nearest } from "../model/nearest.ts";
import type { Place } from "../model/running.ts";
import { attachTestCase } from "../run/attach.ts";
import { loadTestFile, matching, type FoundTest, type TestFile } from "../run/discover.ts";
import { apart } from "../run/mistakes.ts";
import { paramsOf, type Overrides } from "../run/params.ts";
import { planTests, type PlannedTest, type PlanningOptions } from "../run/plan.ts";
import { blockedOf, blockedTogether, lackingNow } from "../run/prepare.ts";
import { describeTest, type NamedTestCase } from "../run/testCases.ts";
import type { Call } from "./flags.ts";

/** What `plan` and `run` share: from a call to planned tests, and the names of functions that have nothing to run today. */
export interface Shaped {
  readonly tests: readonly PlannedTest[];
  readonly skipped: readonly string[];
  /** The tests that are left where some are not run: those have sent nothing to servers that stay up. */
  readonly without: (names: readonly string[]) => Promise<readonly PlannedTest[]>;
}

export async function shaped(call: Call, place: Place, { before = [], connects = false }: Shaping = {}): Promise<Shaped> {
  const overrides = overridesOf(call.options);
  const { cases, skipped, mistakes } = await casesOf(call, overrides);
  const tell = (message: string) => processTerminal().tell(message);
  const inTheWay: PlanningOptions["inTheWay"] = async (tests) => {
    for (const message of await lackingNow(tests, place, ".")) tell(`warning: ${message}`);
    const blocked = await blockedOf(tests, { place, tell: () => {}, looksOnly: true, connects });
    return blocked.length === 0 ? undefined : blockedTogether(blocked);
  };
  const tests = await planTests(cases, overrides, place, { tell, mistakes: [...before, ...mistakes], inTheWay });
  const without: Shaped["without"] = async (names) => {
    const isLeft = ({ name }: { readonly name: string }) => !names.includes(name);
    return tests.every((test) => isLeft(test) || !asksServers(test))
      ? tests.filter(isLeft)
      : planTests(cases.filter(isLeft), overrides, place);
  };
  return { tests, skipped, without };
}

function asksServers({ engines }: PlannedTest): boolean {
  return engines.some(({ engine }) => engine.launch.kind === "attached");
}

interface Shaping {
  /** Mistakes of the call itself. */
  readonly before?: readonly HarnessError[];
  /** Servers that are up are connected to, where there are mistakes: to tell what else is in the way. */
  readonly connects?: boolean;
}

export function overridesOf(options: Call["options"]): Overrides {
  const given = <T>(name: string) => options[name] as T | undefined; // what the flag's own parser returned
  const overrides = {
    model: given<string>("model"),
    seed: given<number>("seed"),
    requests: given<number>("requests"),
    only: given<readonly string[]>("only"),
    gpus: given<readonly string[]>("gpus"),
    simulate: given<string>("simulate"),
  };
  const known = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  return { ...known, ports: given<readonly number[]>("ports") ?? [], set: given<Record<string, string>>("set") ?? {} };
}

/** Test cases as their functions returned them, and what went wrong in the others. */
interface Described {
  readonly cases: readonly NamedTestCase[];
  readonly skipped: readonly string[];
  readonly mistakes: readonly HarnessError[];
}

/** `contradictions` has seen to it that there is either a file or servers. */
async function casesOf(call: Call, overrides: Overrides): Promise<Described> {
  const urls = call.options["attach"] as readonly string[] | undefined;
  try {
    if (urls !== undefined) return { cases: [attachCase(call, urls, overrides)], skipped: [], mistakes: [] };
    const file = await loadTestFile(call.argument ?? "");
    return describedIn(file, matching(file, call.options["filter"] as string | undefined), overrides);
  } catch (error) {
    return { cases: [], skipped: [], mistakes: apart(error) };
  }
}

function tellUnread(given: readonly string[], read: readonly string[]): void {
  for (const key of given.filter((one) => !read.includes(one))) {
    const instead = read.length === 0 ? "they read none" : `they read ${read.join(", ")}`;
    processTerminal().tell(`warning: --set ${key}: no test reads it; ${instead}`);
  }
}

/** A server that is up has in its caches what an earlier run has sent it: the same documents again would be no cold ones. */
function unseenSeed(): number {
  const seed = randomInt(largestSeed);
  processTerminal().tell(`seed ${seed}: documents that these servers have not seen; --seed ${seed} asks about the same ones again`);
  return seed;
}

function describedIn(file: TestFile, tests: readonly FoundTest[], overrides: Overrides): Described {
  const read = new Set<string>();
  const params = paramsOf(overrides, (key) => read.add(key));
  const mistakes: HarnessError[] = [];
  const described = tests.flatMap((test) => {
    try {
      return describeTest(file, test, params);
    } catch (error) {
      mistakes.push(...apart(error));
      return [];
    }
  });
  // What a function that failed would have read is not known: of these only those are told that look like one that was.
  const isTold = (key: string) => mistakes.length === 0 || nearest(key, [...read]) !== undefined;
  tellUnread(Object.keys(overrides.set).filter(isTold), [...read]);
  return {
    cases: described.flatMap((test) => ("isSkipped" in test ? [] : [test])),
    skipped: described.flatMap((test) => ("isSkipped" in test ? [test.name] : [])),
    mistakes,
  };
}

function attachCase({ options }: Call, urls: readonly string[], { model, requests, seed }: Overrides): NamedTestCase {
  const given = <T>(name: string) => options[name] as T | undefined; // what the flag's own parser returned
  const variable = given<string>("apiKeyEnv");
  return attachTestCase({
    urls,
    api: given<"chat" | "completions">("api") ?? "chat",
    contextTokens: given<number>("context") ?? 2_048,
    requests: requests ?? 20,
    seed: seed ?? unseenSeed(),
    acceptAnyCertificate: given<boolean>("acceptAnyCertificate") ?? false,
    ...known({
      rate: given<number>("rate"),
      concurrency: given<number>("concurrency"),
      model,
      apiKey: variable === undefined ? undefined : process.env[variable],
    }),
  });
}
