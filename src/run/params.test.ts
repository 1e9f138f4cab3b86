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
