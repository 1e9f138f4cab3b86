import { readFileSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";

import { processTerminal } from "../host/terminal.ts";
import { parseLegacyCsv } from "../journal/legacyCsv.ts";
import { findTests, whatToGive } from "../journal/paths.ts";
import { goesOn, readManifest, readTest } from "../journal/read.ts";
import { figuresOf } from "../measure/testFigures.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { TestResult } from "../model/result.ts";
import { tellAftermath } from "./aftermath.ts";
import { codeOf, failsOnWorse, worst } from "./exitCode.ts";
import { codeAfter } from "./explain.ts";
import type { Call } from "./flags.ts";
import { checkOutputPlace } from "./outputPlace.ts";
import { phrased } from "./phrased.ts";
import { publish } from "./publish.ts";
import { inBoth, writeReports } from "./reporting.ts";
import { unrunOf, writeUnrun } from "./unrun.ts";

/** `tandem report DIR|CSV`: everything again, from what was written; ends as the run would have. */
export async function report(call: Call): Promise<number> {
  const terminal = processTerminal();
  const path = call.argument ?? "";
  const copies = call.options["outputDir"] as string | undefined;
  if (copies !== undefined) checkOutputPlace(copies);
  const codes: number[] = [];
  const { results, run, manifest } = await found(path, copies);
  for (const { result: read, directory, source } of results) {
    const result = asked(read, call);
    const figures = figuresOf(result);
    if (source === undefined) await tellAftermath(directory, result, terminal);
    // What was read is the user's own, and stays as it is.
    const write = async () =>
      inBoth(async (place) => writeReports(result, place, { except: source }), { directory, copies, tell: (line) => terminal.tell(line) });
    codes.push(await codeAfter(async () => publish(result, figures, { write, asJson: call.options["json"] === true, terminal }), terminal));
    // Of a CSV it is not known what was asked for, unless it is now.
    if (source !== "csv" || failsOnWorse(call)) codes.push(codeOf(figures, result.manifest.failOn === "worse"), ...stopped(result));
  }
  const begun = results.map(({ result }) => result.description.test);
  const unrun = manifest === undefined ? [] : unrunOf(manifest, begun, { isOver: !goesOn(manifest) });
  if (begun.length + unrun.length === 0) throw noTest(path);
  if (run === undefined || manifest === undefined) return worst(codes);
  for (const { line } of unrun) terminal.tell(line);
  const write = async () => {
    const tell = (line: string) => terminal.tell(line);
    const paths = await writeUnrun(unrun, manifest, { run, copies, tell });
    for (const one of call.options["json"] === true ? [] : paths) terminal.print(one);
  };
  return worst([...codes, ...unrun.map(({ exitCode }) => exitCode), await codeAfter(write, terminal)]);
}

/** What fails the command fails in its reports too, whether it was asked for now or by the run. */
function asked(result: TestResult, call: Call): TestResult {
  return failsOnWorse(call) ? { ...result, manifest: { ...result.manifest, failOn: "worse" } } : result;
}

/** The exit code of what stopped a test, where something did. */
function stopped({ events }: TestResult): readonly number[] {
  return events.flatMap(({ event }) => (event.kind === "testEnded" && event.exitCode !== undefined ? [event.exitCode] : []));
}

function noTest(path: string): HarnessError {
  const hint = "the run has not come to its first test, or is not whole";
  return new HarnessError("journal", `${path} holds no test of a run`, { hint });
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

/** `manifest` is of a whole run: who asks for one test's directory asks for no other test. */
async function found(path: string, copies: string | undefined) {
  if (extname(path).toLowerCase() === ".csv") {
    const result = parseLegacyCsv(textOf(path), path);
    return { results: [{ result, directory: placeBeside(path, result, copies), source: "csv" }] };
  }
  const { tests, run } = await findTests(path);
  const results = tests.map(async (directory) => ({ result: phrased(await readTest(directory)), directory, source: undefined }));
  return { results: await Promise.all(results), run, manifest: run === undefined ? undefined : await readManifest(run) };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new HarnessError("journal", `${path} ${whyUnread(cause)}`, { hint: whatToGive, cause });
  }
}

function whyUnread(error: unknown): string {
  switch (error instanceof Error && "code" in error ? error.code : undefined) {
    case "ENOENT":
    case "ENOTDIR":
      return "is not there";
    case "EISDIR":
      return "is a directory, and no CSV";
    case "EACCES":
    case "EPERM":
      return "is a file that you may not read";
    default:
      return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
