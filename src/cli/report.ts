import { readFileSync } from "node:fs";
import { dirname, extname } from "node:path";

import { processTerminal } from "../host/terminal.ts";
import { parseLegacyCsv } from "../journal/legacyCsv.ts";
import { findTests } from "../journal/paths.ts";
import { readTest } from "../journal/read.ts";
import { figuresOf } from "../measure/testFigures.ts";
import { HarnessError } from "../model/harnessError.ts";
import { codeOf, failsOnWorse, worst } from "./exitCode.ts";
import type { Call } from "./flags.ts";
import { checkOutputPlace } from "./outputPlace.ts";
import { publish } from "./publish.ts";
import { writeReports } from "./reporting.ts";

/** `tandem report DIR|CSV`: everything again, from what was written; ends as the run would have. */
export async function report(call: Call): Promise<number> {
  const terminal = processTerminal();
  const path = call.argument ?? "";
  const copies = call.options["outputDir"] as string | undefined;
  if (copies !== undefined) checkOutputPlace(copies);
  const codes: number[] = [];
  for (const { result, directory, source } of await found(path)) {
    const figures = figuresOf(result);
    // What was read is the user's own, and stays as it is.
    const write = async () => writeReports(result, directory, copies, source);
    await publish(result, figures, { write, asJson: call.options["json"] === true, terminal });
    // Of a CSV it is not known what was asked for.
    codes.push(source === "csv" ? 0 : codeOf(figures, failsOnWorse(call)));
  }
  return worst(codes);
}

async function found(path: string) {
  if (extname(path).toLowerCase() === ".csv") {
    return [{ result: parseLegacyCsv(textOf(path), path), directory: dirname(path), source: "csv" }];
  }
  const directories = await findTests(path);
  return Promise.all(directories.map(async (directory) => ({ result: await readTest(directory), directory, source: undefined })));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new HarnessError("journal", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
