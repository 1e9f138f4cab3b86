import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { freshDirectory } from "./freshDirectory.ts";
import { descriptionFile, engineDirectory, findTests, manifestFile, runDirectory, tableFile, testDirectory } from "./paths.ts";

const earlier = runDirectory("", new Date("2026-11-24T09:30:00.250Z"), "3f2a");
const later = runDirectory("", new Date("2026-11-24T09:30:01Z"), "0000");

function outputsWith(...tests: string[]): string {
  const outputs = freshDirectory();
  for (const path of tests) {
    mkdirSync(join(outputs, path), { recursive: true });
    writeFileSync(descriptionFile(join(outputs, path)), "{}");
  }
  return outputs;
}

test("a run is named after the second it began, and tests and tables lie below it", () => {
  expect(runDirectory("outputs", new Date("2026-11-24T09:30:00.250Z"), "3f2a")).toBe("outputs/runs/20261124T093000Z-3f2a");
  expect(tableFile(testDirectory("RUN", "test_a"), "stamps", 2)).toBe("RUN/test_a/journal/stamps-2.arrow");
});

test("no name of an engine leads out of its test's directory or into another's", () => {
  expect(engineDirectory("T", "..")).toBe("T/engines/%2E%2E");
  expect(engineDirectory("T", "a/b")).toBe("T/engines/a%2Fb");
  expect(engineDirectory("T", "a b")).not.toBe(engineDirectory("T", "a-b"));
});

test("an outputs directory stands for its latest run, a run for its tests, a test for itself", async () => {
  const outputs = outputsWith(join(earlier, "test_a"), join(later, "test_b"), join(later, "test_a"));
  const run = join(outputs, later);
  expect(await findTests(outputs)).toEqual({ tests: [join(run, "test_a"), join(run, "test_b")], run });
  expect(await findTests(join(outputs, "runs"))).toEqual(await findTests(outputs));
  expect(await findTests(join(outputs, earlier))).toEqual({ tests: [join(outputs, earlier, "test_a")], run: join(outputs, earlier) });
  expect(await findTests(join(run, "test_b"))).toEqual({ tests: [join(run, "test_b")] });
});

test("a run that has begun no test is found, and the one before it is not taken for it", async () => {
  const outputs = outputsWith(join(earlier, "test_a"));
  mkdirSync(join(outputs, later));
  writeFileSync(manifestFile(join(outputs, later)), "{}");
  expect(await findTests(outputs)).toEqual({ tests: [], run: join(outputs, later) });
});

test("a directory without a run, and one that is not there, are refused with what to give instead", async () => {
  const empty = freshDirectory();
  await expect(findTests(empty)).rejects.toMatchObject({ code: "journal", message: `${empty} holds no test of a run` });
  const absent = join(empty, "no");
  await expect(findTests(absent)).rejects.toMatchObject({
    message: `${absent} is not there`,
    hint: expect.stringContaining("outputs directory"),
  });
  await expect(findTests(dirname(import.meta.filename))).rejects.toMatchObject({ code: "journal" });
});

test("a file is refused as one, with all that there can be reports of", async () => {
  const file = import.meta.filename;
  await expect(findTests(file)).rejects.toMatchObject({
    code: "journal",
    message: `${file} is a file, and no directory of a run`,
    hint: "give an outputs directory, one of its runs/…, one test's directory in it (it has a test.json), or a CSV of lmcache-tests (its name ends in .csv)",
  });
});
