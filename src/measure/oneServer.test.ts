import { expect, test } from "vitest";
import { onlyModel } from "../model/engine.ts";
import { fixture } from "../reports/fixture.ts";
import { oneServerReasons } from "./oneServer.ts";

const { description } = fixture({ contexts: [512], requests: 2 });
const [engine] = description.engines;
const [experiment] = description.experiments;

function reasons(urls: readonly (string | undefined)[], changes: object = {}, models: readonly string[] = []) {
  if (engine === undefined || experiment === undefined) throw new Error("the fixture has one of each");
  const engines = urls.map((url, index) => ({
    ...engine,
    name: `e${index}`,
    model: models[index] ?? engine.model,
    ...(url === undefined ? {} : { url }),
  }));
  return oneServerReasons(engines, { ...experiment, ...changes });
}

test.each([
  ["http://127.0.0.1:8000", "http://localhost:8000/v1"],
  ["http://localhost", "http://[::1]:80"],
  ["https://gateway.example/a", "https://gateway.example:443/a/v1/"],
])("%s and %s are one server", (one, other) => {
  expect(reasons([one, other])).toMatchObject([{ state: "DEGRADED", what: expect.stringMatching(/^e0 and e1 are one server/) }]);
});

test("other ports and hosts are others, and so is what we started", () => {
  expect(reasons(["http://127.0.0.1:8000", "http://127.0.0.1:8001", "http://10.0.0.1:8000", undefined, undefined])).toEqual([]);
});

test("in turn, with caches emptied before each, nothing of one is the other's", () => {
  const urls = ["http://127.0.0.1:8000", "http://127.0.0.1:8000"];
  expect(reasons(urls, { cacheState: "cold", order: "inTurn" })).toEqual([]);
  expect(reasons(urls, { cacheState: "cold", order: "together" })).toHaveLength(1);
});

test.each([
  ["http://gateway.example/a", "http://gateway.example/b"],
  ["http://gateway.example/?deployment=a", "http://gateway.example/?deployment=b"],
  ["http://127.0.0.1:8000", "http://127.0.0.2:8000"],
])("%s and %s may be two servers", (one, other) => {
  expect(reasons([one, other])).toEqual([]);
});

test("two models at one address may be two servers behind a gateway", () => {
  const urls = ["http://gateway.example", "http://gateway.example"];
  expect(reasons(urls, {}, ["m1", "m2"])).toEqual([]);
  expect(reasons(urls, {}, [onlyModel, "m2"])).toHaveLength(1);
});

test("its advice is something that can be done with a server that is up: its caches cannot be emptied", () => {
  const [reason] = reasons(["http://127.0.0.1:8000", "http://127.0.0.1:8000"]);
  expect(reason?.advice).not.toContain("cold");
});
