import { chmodSync, symlinkSync } from "node:fs";

import { expect, test } from "vitest";

import { HarnessError } from "../model/harnessError.ts";
import { folder, tandem } from "./fixture.ts";
import { checkOutputPlace } from "./outputPlace.ts";

function refusal(path: string): string {
  try {
    checkOutputPlace(path);
    return "";
  } catch (error) {
    if (!(error instanceof HarnessError) || error.exitCode !== 2) throw error;
    return error.message;
  }
}

test("a directory that is there, or can be made, is right, and nothing is left in it", () => {
  using where = folder();
  expect(["", "out", "out/of/sight"].map((path) => refusal(where.at(path)))).toEqual(["", "", ""]);
  expect(where.files()).toEqual([]);
});

test("a file in the way is named, also when it is further up", () => {
  using where = folder();
  const file = where.write("results", "");
  expect(refusal(file)).toBe(`${file} cannot be written to: ${file} is not a directory`);
  expect(refusal(where.at("results", "of", "today"))).toBe(
    `${where.at("results", "of", "today")} cannot be written to: ${file} is not a directory`,
  );
});

test("a link to nowhere is named", () => {
  using where = folder();
  symlinkSync("/no/such/place", where.at("out"));
  expect(refusal(where.at("out"))).toContain(`${where.at("out")} is a link to nowhere`);
});

test.runIf(process.platform === "linux")("where the system makes no directories, that is said at once", () => {
  expect(refusal("/proc/x/y")).toBe("/proc/x/y cannot be written to: no directory can be made in /proc");
});

test("a directory that may not be written in is named", async () => {
  using where = folder();
  chmodSync(where.path, 0o555);
  const { code, stderr } = await tandem(["run", "--attach", "http://127.0.0.1:1", "-o", where.at("out")], { asAnybody: true });
  chmodSync(where.path, 0o755);
  expect([code, stderr]).toEqual([2, expect.stringContaining(`you may not write in ${where.path}`)]);
});

test("a directory that cannot be written to is told in one list with the mistakes of other flags", async () => {
  using where = folder();
  const file = where.write("results", "");
  const { code, stderr } = await tandem([
    "run",
    "--attach",
    "http://a:1",
    "--requests",
    "none",
    "--rate",
    "1",
    "--concurrency",
    "2",
    "-o",
    file,
  ]);
  expect([code, stderr]).toEqual([
    2,
    `tandem: 3 mistakes
  --requests none: a whole number of at least 1 is wanted
  --rate and --concurrency at once
      --rate sends whether the server has answered or not, --concurrency waits for its answers: choose one
  ${file} cannot be written to: ${file} is not a directory
      name a directory you may write to, with space left: -o DIR
`,
  ]);
});
