import { mkdirSync, readdirSync, writeFileSync } from "node:fs";

import { expect, test } from "vitest";

import type { RunManifest } from "../model/result.ts";
import { folder } from "./fixture.ts";
import { unrunOf, writeUnrun } from "./unrun.ts";

const manifest: RunManifest = {
  schema: 1,
  tandem: "0.1.0",
  startedAt: "2026-11-24T10:00:00.000Z",
  commandLine: [],
  host: {},
  simulated: true,
  tests: ["ran", "blocked", "missed"],
  blocked: [{ test: "blocked", simulated: false, why: "no GPU is free", exitCode: 3 }],
  skipped: ["empty"],
};

test("of a run that is over, what was skipped is no failure, what could not be run and what never began are, each with its exit code", () => {
  const found = (isOver: boolean) => unrunOf(manifest, ["ran"], { isOver }).map(({ test, ends, exitCode }) => [test, ends, exitCode]);
  const known = [
    ["empty", "skipped", 0],
    ["blocked", "error", 3],
  ];
  expect(found(true)).toEqual([...known, ["missed", "error", 4]]);
  expect(found(false)).toEqual(known);
  const { tests: _tests, blocked: _blocked, skipped: _skipped, ...old } = manifest;
  expect(unrunOf(old, ["ran"], { isOver: true })).toEqual([]);
});

test("the XML of a test that was not begun takes the place of an earlier run's, simulated or not, and of no other test's", async () => {
  using where = folder();
  mkdirSync(where.at("copies"));
  const before = ["empty.simulated.xml", "empty-2.html", "emptyish.xml", "empty_mistralai.xml"];
  for (const file of before) writeFileSync(where.at("copies", file), "");
  const told: string[] = [];
  const copies = where.at("copies");
  const unrun = unrunOf(manifest, ["ran"], { isOver: true });
  await writeUnrun(unrun, manifest, { run: where.at("run"), copies, tell: (line) => void told.push(line) });
  const written = readdirSync(copies).filter((file) => where.read(`copies/${file}`) !== "");
  expect(written).toEqual(["blocked.xml", "empty-2.xml", "empty.simulated.xml", "missed.simulated.xml"]);
  expect(where.read("copies/empty-2.xml")).toContain("<skipped");
  expect(where.read("copies/missed.simulated.xml")).toContain("<error");
  expect(told).toEqual([`  empty: nothing was measured: the copies in ${copies} are left as they are, but for the XML, which says so`]);
});

test("a model's reports are those with its organisation, and without copies nothing earlier is looked for", async () => {
  using where = folder();
  mkdirSync(where.at("copies"));
  for (const file of ["empty.xml", "empty-1_mistralai.simulated.xml", "empty_meta.xml"]) writeFileSync(where.at("copies", file), "");
  const ofModel = { ...manifest, organisation: "mistralai" };
  const [empty] = unrunOf(ofModel, [], { isOver: false });
  const write = async (copies?: string) =>
    writeUnrun(empty === undefined ? [] : [empty], ofModel, { run: where.at("run"), copies, tell: () => {} });
  expect(await write(where.at("copies"))).toEqual([where.at("copies", "empty-1_mistralai.simulated.xml")]);
  expect(await write()).toEqual([where.at("run", "empty", "empty_mistralai.xml")]);
});
