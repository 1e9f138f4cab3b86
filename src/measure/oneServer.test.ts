import { expect, test } from "vitest";
import { fixture } from "../reports/fixture.ts";
import { oneServerReasons } from "./oneServer.ts";

const { description } = fixture({ contexts: [512], requests: 2 });
const [engine] = description.engines;
const [experiment] = description.experiments;

function reasons(urls: readonly (string | undefined)[], changes: object = {}) {
  if (engine === undefined || experiment === undefined) throw new Error("the fixture has one of each");
  const engines = urls.map((url, index) => ({ ...engine, name: `e${index}`, ...(url === undefined ? {} : { url }) }));
  return oneServerReasons(engines, { ...experiment, ...changes });
}

test.each([
  ["http://127.0.0.1:8000", "http://localhost:8000/v1"],
  ["http://localhost", "http://[::1]:80"],
  ["https://gateway.example/a", "https://gateway.example:443/b"],
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
