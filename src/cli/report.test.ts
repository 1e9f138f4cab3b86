import { chmodSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { processEntry } from "../host/processTable.ts";
import { reports } from "../render/reports.ts";
import { folder, tandem, type Folder } from "./fixture.ts";

const tests = `import { documentQa, every, experiment, simulated, testCase } from "tandem";
const workload = documentQa({ contextTokens: 512, questionTokens: 8, documents: 1, requests: 4, outputTokens: 4 });
const experiments = [experiment({ workload, arrivals: every({ seconds: 0.05 }) })];
export const test_good = () => testCase({ engines: { plain: simulated({ prefixCaching: false }) }, experiments });
export const test_nothing = () => [];
`;

let where: Folder;
/** The run's directory. */
let run: string;

beforeAll(async () => {
  where = folder();
  await tandem(["run", where.write("tests.js", tests), "--simulate", "-o", where.at("out")]);
  run = where.at("out/runs", readdirSync(where.at("out/runs"))[0] ?? "");
}, 60_000);

afterAll(() => where[Symbol.dispose]());

test("a report tells what was not begun; of one test's directory it is about no other test", async () => {
  const all = await tandem(["report", run]);
  expect(all.stderr).toBe("test_nothing: skipped, it returned []\n");
  expect(all.stdout).toContain(`${run}/test_nothing/test_nothing.xml\n`);
  const one = await tandem(["report", `${run}/test_good`]);
  expect([one.code, one.stderr]).toEqual([0, ""]);
  expect(one.stdout).toContain(`${run}/test_good/test_good.simulated.pdf\n`);
  expect(one.stdout).not.toContain("test_nothing");
});

test("report --json prints a line for each test that was begun, and nothing else", async () => {
  const { code, stdout } = await tandem(["report", where.at("out"), "--json", "-o", where.at("copies")]);
  expect(code).toBe(0);
  expect(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toMatchObject([{ test: "test_good", artefacts: reports.map(({ extension }) => where.at(`copies/test_good.simulated.${extension}`)) }]);
  expect(where.files()).toContain("copies/test_nothing.xml");
});

test("arrivals of a journal that kept no words for them are told in words all the same", async () => {
  const description = `${run.replace(where.path, "")}/test_good/test.json`;
  const phrase = '"phrase": "one every 0.05 s"';
  expect(where.read(description)).toContain(phrase);
  where.write(description, where.read(description).replace(new RegExp(`,\\s*${phrase}`), ""));
  expect(where.read(description)).not.toContain(phrase);
  await tandem(["report", run, "-o", where.at("of-before")]);
  expect(/one every 0\.05\ss/.test(where.read("of-before/test_good.simulated.html"))).toBe(true);
});

test("a place that reports cannot be copied to is told before anything is read or written", async () => {
  const file = where.write("taken", "");
  const { code, stdout, stderr } = await tandem(["report", where.at("nothing"), "-o", file]);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(`tandem: ${file} cannot be written to: ${file} is not a directory\n`);
});

describe("of a run that has begun no test", () => {
  interface Manifest {
    readonly tests: readonly string[];
    readonly host: object;
    readonly process?: object;
  }

  async function reported(change: Partial<Manifest>): ReturnType<typeof tandem> {
    const { skipped: _, process: ended, host, ...manifest } = JSON.parse(where.read(`${run.replace(where.path, "")}/run.json`));
    const name = "unbegun/runs/20261128T120000Z-0123";
    where.write(`${name}/run.json`, JSON.stringify({ ...manifest, process: ended, host, ...change }));
    return tandem(["report", where.at("unbegun")]);
  }

  test("those that it was to run are told once it is over, with exit code 4, and their XML is written", async () => {
    const { code, stdout, stderr } = await reported({});
    expect(stderr).toBe("tandem: test_good was to be run and never began: the run ended before; run it again\n");
    expect([code, stdout]).toEqual([4, expect.stringMatching(/^\S+\/test_good\/test_good\.simulated\.xml\n$/)]);
  });

  test("and goes on, or was to run none, there is nothing to report: exit 2", async () => {
    const { pid, startedAt } = processEntry(process.pid) ?? {};
    for (const change of [{ host: { name: hostname() }, process: { pid, startedAt } }, { tests: [] }]) {
      const { code, stdout, stderr } = await reported(change);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^tandem: \S+ holds no test of a run\n {2}the run has not come to its first test, or is not whole\n$/);
    }
  });

  test("an XML that cannot be written is told, and what else the run came to is not better for it", async () => {
    rmSync(where.at("unbegun"), { recursive: true });
    where.write("unbegun/runs/20261128T120000Z-0123/test_good", "in the way");
    const { code, stdout, stderr } = await reported({});
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(
      /test_good cannot be written: EEXIST: file already exists\n {2}move away what is in its place, then: tandem report \S+-0123\n$/,
    );
  });
});

describe("a CSV", () => {
  test("that may not be read is said to be that", async () => {
    const csv = where.write("closed.csv", "");
    chmodSync(csv, 0o000);
    const { code, stderr } = await tandem(["report", csv], { asAnybody: true });
    expect([code, stderr]).toEqual([2, expect.stringContaining(`tandem: ${csv} is a file that you may not read\n`)]);
  });

  test("that tandem wrote is refused beside itself also where -o names that directory, and where it ends in .CSV", async () => {
    const csv = where.write("of/tandem.CSV", where.read("out/test_good.simulated.csv"));
    for (const flags of [[], ["-o", where.at("of/")], ["-o", where.at("of/../of")]]) {
      const { code, stdout, stderr } = await tandem(["report", csv, ...flags]);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(`${csv} was written by tandem, and the reports of its run would be written over with less than they know\n`);
    }
    expect(readdirSync(where.at("of"))).toEqual(["tandem.CSV"]);
  });

  test("tells nothing of how its run ended: exit 0, though a run of it would be INVALID", async () => {
    const failed = where.read("out/test_good.simulated.csv").replaceAll(",completed,", ",failed,");
    const csv = where.write("failed.csv", failed);
    const { code, stdout } = await tandem(["report", csv, "-o", where.at("of-csv"), "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ validity: { state: "INVALID" } });
    expect(code).toBe(0);
    expect((await tandem(["report", csv, "-o", where.at("of-csv"), "--fail-on", "worse"])).code).toBe(4);
  });
});
