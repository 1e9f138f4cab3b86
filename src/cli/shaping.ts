import { processTerminal } from "../host/terminal.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Place } from "../model/running.ts";
import { attachTestCase } from "../run/attach.ts";
import { loadTestFile, matching, type FoundTest, type TestFile } from "../run/discover.ts";
import { apart } from "../run/mistakes.ts";
import { paramsOf, type Overrides } from "../run/params.ts";
import { planTests, type PlannedTest } from "../run/plan.ts";
import { describeTest, type NamedTestCase } from "../run/testCases.ts";
import type { Call } from "./flags.ts";

/** What `plan` and `run` share: from a call to planned tests, and the names of functions that returned nothing. */
export interface Shaped {
  readonly tests: readonly PlannedTest[];
  readonly nothing: readonly string[];
}

export async function shaped(call: Call, place: Place): Promise<Shaped> {
  const overrides = overridesOf(call.options);
  const { cases, nothing, mistakes = [] } = await casesOf(call, overrides);
  const tell = (message: string) => processTerminal().tell(message);
  return { tests: await planTests(cases, overrides, place, { tell, mistakes }), nothing };
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
  readonly nothing: readonly string[];
  readonly mistakes?: readonly HarnessError[];
}

async function casesOf(call: Call, overrides: Overrides): Promise<Described> {
  const urls = call.options["attach"] as readonly string[] | undefined;
  if (call.argument !== undefined && urls !== undefined) {
    throw new HarnessError("usage", "a test file and --attach at once", {
      hint: "--attach is for a run without a file; in a file use attached({ url })",
    });
  }
  if (urls !== undefined) return { cases: [attachCase(call, urls, overrides)], nothing: [] };
  if (call.argument === undefined) {
    throw new HarnessError("usage", "no test file given", { hint: "tandem run tests/quickstart.ts, or tandem run --attach URL" });
  }
  refuseAttachOnly(call.options);
  const file = await loadTestFile(call.argument);
  return describedIn(file, matching(file, call.options["filter"] as string | undefined), overrides);
}

/** Flags that say what `--attach` sends: a file says that itself. */
const attachOnly = { context: "--context", rate: "--rate", concurrency: "--concurrency", api: "--api", apiKeyEnv: "--api-key-env" };

function refuseAttachOnly(options: Call["options"]): void {
  const given = Object.entries(attachOnly).flatMap(([name, flag]) => (options[name] === undefined ? [] : [flag]));
  if (given.length === 0) return;
  throw new HarnessError("usage", `${given.join(", ")}: only for --attach, and there is a test file`, {
    hint: "say it in the file: its workload, its arrivals, its engines",
  });
}

function describedIn(file: TestFile, tests: readonly FoundTest[], overrides: Overrides): Described {
  const params = paramsOf(overrides);
  const mistakes: HarnessError[] = [];
  const described = tests.flatMap((test) => {
    try {
      return describeTest(file, test, params);
    } catch (error) {
      mistakes.push(...apart(error));
      return [];
    }
  });
  return {
    cases: described.flatMap((test) => ("nothing" in test ? [] : [test])),
    nothing: described.flatMap((test) => ("nothing" in test ? [test.name] : [])),
    mistakes,
  };
}

function attachCase({ options }: Call, urls: readonly string[], { model, requests }: Overrides): NamedTestCase {
  const api = (options["api"] as string | undefined) ?? "chat";
  if (api !== "chat" && api !== "completions") throw new HarnessError("usage", `--api ${api}: chat or completions is wanted`);
  const rate = options["rate"] as number | undefined;
  const concurrency = options["concurrency"] as number | undefined;
  if (rate !== undefined && concurrency !== undefined) {
    throw new HarnessError("usage", "--rate and --concurrency at once", {
      hint: "--rate sends whether the server has answered or not, --concurrency waits for its answers: choose one",
    });
  }
  const apiKey = keyFrom(options["apiKeyEnv"] as string | undefined);
  return attachTestCase({
    urls,
    api,
    contextTokens: (options["context"] as number | undefined) ?? 2_048,
    requests: requests ?? 20,
    ...(rate === undefined ? {} : { rate }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(model === undefined ? {} : { model }),
    ...(apiKey === undefined ? {} : { apiKey }),
  });
}

function keyFrom(variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  const key = process.env[variable];
  if (key === undefined || key === "") throw new HarnessError("usage", `--api-key-env ${variable}: that environment variable is not set`);
  return key;
}
