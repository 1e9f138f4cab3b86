import { readdirSync } from "node:fs";
import { join } from "node:path";

import { testDirectory } from "../journal/paths.ts";
import type { RunManifest } from "../model/result.ts";
import { reports } from "../render/reports.ts";
import { junitOfUnrun } from "../reports/junit.ts";
import { baseName, inBoth, leftAsTheyAre, writeReport } from "./reporting.ts";

/** A test of a run that was not begun. */
export interface Unrun {
  readonly test: string;
  readonly ends: "error" | "skipped";
  readonly says: string;
  /** Of its run. */
  readonly exitCode: number;
  /** For a person. */
  readonly line: string;
  /** Whether its reports would be called simulated; of a test that has nothing to run it is not known. */
  readonly simulated?: boolean;
}

/** Where the run is not over, those that it has not come to may be begun yet. */
export function unrunOf(manifest: RunManifest, begun: readonly string[], { isOver }: { readonly isOver: boolean }): readonly Unrun[] {
  const { tests = [], blocked = [], skipped = [], simulated } = manifest;
  const known = new Set([...begun, ...blocked.map(({ test }) => test)]);
  const missing = isOver ? tests.filter((test) => !known.has(test)) : [];
  return [
    ...skipped.map((test) => {
      const says = "skipped, it returned []";
      return { test, ends: "skipped", says, exitCode: 0, line: `${test}: ${says}` } as const;
    }),
    ...blocked.map(({ why, ...one }) => {
      const says = `could not be run: ${why}`;
      return { ...one, ends: "error", says, line: `tandem: ${one.test} ${says.replaceAll("\n", "\n  ")}` } as const;
    }),
    ...missing.map((test) => {
      const says = "was to be run and never began: the run ended before";
      return { test, ends: "error", says, exitCode: 4, line: `tandem: ${test} ${says}; run it again`, simulated } as const;
    }),
  ];
}

interface UnrunOptions {
  /** The run's directory. */
  readonly run: string;
  readonly copies: string | undefined;
  /** Told where reports of an earlier run stay beside what is written. */
  readonly tell: (line: string) => void;
}

/** JUnit XML of tests that were not begun: an earlier run's, which may be all green, would pass for this run's. Returns the paths people will open. */
export async function writeUnrun(
  tests: readonly Unrun[],
  manifest: RunManifest,
  { run, copies, tell }: UnrunOptions,
): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const unrun of tests) {
    const { test } = unrun;
    const text = junitOfUnrun(test, unrun, manifest);
    for (const base of basesOf(unrun, manifest, copies)) {
      const write = async (place: string) => writeReport(join(place, `${base}.xml`), text);
      paths.push(...(await inBoth(write, { directory: testDirectory(run, test), copies, tell })));
      for (const line of copies === undefined ? [] : leftAsTheyAre(base, copies)) tell(`  ${test}: ${line}`);
    }
  }
  return paths;
}

/** The names of its reports, without extension. */
function basesOf({ test, simulated }: Unrun, { organisation }: RunManifest, copies: string | undefined): readonly string[] {
  const before = simulated === undefined && copies !== undefined ? basesIn(copies, test, organisation) : [];
  if (before.length > 0) return before;
  const ofModel = organisation === undefined ? {} : { organisation };
  return [baseName({ description: { test, simulated: simulated ?? false, ...ofModel } })];
}

/** What a test that has nothing to run would have been called is not known, but what its reports of earlier runs are. */
function basesIn(directory: string, test: string, organisation: string | undefined): readonly string[] {
  const end = organisation === undefined ? "" : `_${organisation}`;
  const isOfTest = (base: string) => {
    const name = base.replace(/\.simulated$/, "");
    return name.startsWith(test) && name.endsWith(end) && /^(?:-\d+)?$/.test(name.slice(test.length, name.length - end.length));
  };
  const bases = filesIn(directory).flatMap((file) =>
    reports.flatMap(({ extension }) => (file.endsWith(`.${extension}`) ? [file.slice(0, -extension.length - 1)] : [])),
  );
  return [...new Set(bases)].filter(isOfTest).toSorted();
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // there may be none yet
  }
}
