import { expect, test } from "vitest";

import { organisationOf, paramsOf } from "./params.ts";

test.each([
  ["mistralai/Mistral-7B-Instruct-v0.2", "mistralai"],
  ["gpt2", undefined],
  ["/models/mistral", undefined],
  ["/models/org/name", undefined],
  ["./models/mistral", undefined],
  ["../mistral", undefined],
  ["./mistral", undefined],
  [undefined, undefined],
])("the organisation of %s is %s", (model, organisation) => {
  expect(organisationOf(model)).toBe(organisation);
});

test("without -m, test functions get the model of lmcache-tests", () => {
  expect(paramsOf({ ports: [], set: { a: "b" } })).toEqual({ model: "mistralai/Mistral-7B-Instruct-v0.2", set: { a: "b" } });
});

test("which keys of --set a test file asks for is told, all of them where it goes through them", () => {
  const read: string[] = [];
  const { set } = paramsOf({ ports: [], set: { url: "http://a", modle: "x" } }, (key) => read.push(key));
  expect([set["url"], set["model"]]).toEqual(["http://a", undefined]);
  expect(read).toEqual(["url", "model"]);
  expect({ ...set }).toEqual({ url: "http://a", modle: "x" });
  expect(read).toContain("modle");
});

test("what a test function writes into its parameters reaches no other one: it is its mistake", () => {
  const params = paramsOf({ ports: [], set: { users: "8" } });
  expect(() => Object.assign(params.set, { users: "9" })).toThrow(TypeError);
  expect(() => Object.assign(params, { model: "other" })).toThrow(TypeError);
});
