import { readFileSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";

import { processTerminal } from "../host/terminal.ts";
import { parseLegacyCsv } from "../journal/legacyCsv.ts";
import { findTests } from "../journal/paths.ts";
import { goesOn, readTest } from "../journal/read.ts";
import { figuresOf } from "../measure/testFigures.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { TestResult } from "../model/result.ts";
import { tellAftermath } from "./aftermath.ts";
import { codeOf, failsOnWorse, worst } from "./exitCode.ts";
import type { Call } from "./flags.ts";
import { checkOutputPlace } from "./outputPlace.ts";
import { phrased } from "./phrased.ts";
import { publish } from "./publish.ts";
import { writeReports } from "./reporting.ts";

/** `tandem report DIR|CSV`: everything again, from what was written; ends as the run would have. */
export async function report(call: Call): Promise<number> {
  const terminal = processTerminal();
  const path = call.argument ?? "";
  const copies = call.options["outputDir"] as string | undefined;
  if (copies !== undefined) checkOutputPlace(copies);
  const codes: number[] = [];
  const results = await found(path, copies);
  for (const { result, directory, source } of results) {
    const figures = figuresOf(result);
    if (source === undefined) await tellAftermath(directory, result, terminal);
    // What was read is the user's own, and stays as it is.
    const write = async () => writeReports(result, directory, copies === directory ? undefined : copies, source);
    await publish(result, figures, { write, asJson: call.options["json"] === true, terminal });
    // Of a CSV it is not known what was asked for.
    codes.push(source === "csv" ? 0 : codeOf(figures, failsOnWorse(call) || result.manifest.failOn === "worse"));
  }
  const missing = neverBegun(results, path);
  for (const test of missing) terminal.tell(`tandem: ${test} was to be run and never began: the run ended before; run it again`);
  return worst([...codes, ...(missing.length > 0 ? [4] : [])]);
}

/** Of a whole run that has ended. Who asks for one test's directory asks for no other test. */
function neverBegun(results: Awaited<ReturnType<typeof found>>, path: string): readonly string[] {
  const [first] = results;
  if (first === undefined || first.source !== undefined || resolve(first.directory) === resolve(path)) return [];
  if (goesOn(first.result.manifest)) return [];
  const begun = new Set(results.map(({ result }) => result.description.test));
  return (first.result.manifest.tests ?? []).filter((test) => !begun.has(test));
}

/** Tandem's own CSV has the reports of its run beside it, which know more than it does. */
function placeBeside(path: string, { ttftAnchor }: TestResult, copies: string | undefined): string {
  if (ttftAnchor === "headers") return dirname(path);
  if (copies !== undefined && resolve(copies) !== resolve(dirname(path))) return copies;
  throw new HarnessError(
    "usage",
    `${path} was written by tandem, and the reports of its run would be written over with less than they know`,
    {
      hint: "tandem report outputs/runs/TIME, the run's directory, makes them again; -o DIR puts what the CSV alone tells elsewhere",
    },
  );
}

async function found(path: string, copies: string | undefined) {
  if (extname(path).toLowerCase() === ".csv") {
    const result = parseLegacyCsv(textOf(path), path);
    return [{ result, directory: placeBeside(path, result, copies), source: "csv" }];
  }
  const directories = await findTests(path);
  return Promise.all(directories.map(async (directory) => ({ result: phrased(await readTest(directory)), directory, source: undefined })));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new HarnessError("journal", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
