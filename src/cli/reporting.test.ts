import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename } from "node:path";

import { expect, test } from "vitest";

import { figuresOf } from "../measure/testFigures.ts";
import { reports } from "../render/reports.ts";
import { fixture } from "../reports/fixture.ts";
import { folder } from "./fixture.ts";
import { publish } from "./publish.ts";
import { copyReports, refuseDirectoriesInTheWay, writeReports } from "./reporting.ts";

const result = fixture({ contexts: [8_192], requests: 3 });

test("where one report cannot be written, none is, nothing half is left, and the numbers are printed", async () => {
  using where = folder();
  mkdirSync(where.at("out", "test_lmcache_local_cpu.simulated.html"), { recursive: true }); // in the way of the third
  const printed: string[] = [];
  const terminal = { print: (text: string) => void printed.push(text), tell: () => {}, interactive: false, columns: 80, colour: false };
  const write = async () => writeReports(result, where.at("out"));
  await expect(publish(result, figuresOf(result), { write, asJson: false, terminal })).rejects.toMatchObject({
    code: "output",
    message: expect.stringContaining("html cannot be written: "),
    hint: `move away what is in its place, then: tandem report ${where.at("out")}`,
  });
  expect(where.files()).toEqual([]);
  expect(readdirSync(where.at("out"))).toEqual(["test_lmcache_local_cpu.simulated.html"]);
  expect(printed.join("\n")).toContain("8,192 context tokens");
});

test("what makes reports again makes the copies again too, which would stay an earlier run's", async () => {
  using where = folder();
  const copies = where.at("copies");
  const again = `then: tandem report ${where.at("run")} -o ${copies}`;
  const written = await writeReports(result, where.at("run"), { copies });
  mkdirSync(where.at("copies", "test_lmcache_local_cpu.simulated.csv"), { recursive: true });
  await expect(copyReports(written, copies)).rejects.toMatchObject({ hint: expect.stringContaining(again) });
  rmSync(where.at("run", "test_lmcache_local_cpu.simulated.csv"));
  mkdirSync(where.at("run", "test_lmcache_local_cpu.simulated.csv"));
  await expect(writeReports(result, where.at("run"), { copies })).rejects.toMatchObject({ hint: expect.stringContaining(again) });
});

test("a lock that somebody left behind, killed, is waited for a few seconds, once", async () => {
  using where = folder();
  mkdirSync(where.at("out", ".tandem-lock"), { recursive: true });
  const began = performance.now();
  await writeReports(result, where.at("out"));
  expect(performance.now() - began).toBeGreaterThan(5_000);
  expect(readdirSync(where.at("out"))).toHaveLength(reports.length);
});

test("copies are the same bytes", async () => {
  using where = folder();
  const paths = await copyReports(await writeReports(result, where.at("run"), { except: "csv" }), where.at("copies"));
  expect(paths).toHaveLength(reports.length - 1);
  expect(where.files()).toHaveLength(2 * paths.length);
  for (const path of paths) expect(where.read(path.replace(where.path, ""))).toBe(where.read(path.replace(where.at("copies"), "run")));
});

test("a directory under the name of any report, and no other, is refused beforehand", async () => {
  using where = folder();
  const paths = await copyReports(await writeReports(result, where.at("run")), where.at("copies"));
  expect(() => refuseDirectoriesInTheWay([result.description], where.at("copies"))).not.toThrow();
  for (const path of paths) {
    const taken = folder();
    mkdirSync(taken.at(basename(path)));
    expect(() => refuseDirectoriesInTheWay([result.description], taken.path)).toThrow(`${taken.at(basename(path))} is a directory`);
    taken[Symbol.dispose]();
  }
});
