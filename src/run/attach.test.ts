import { expect, test } from "vitest";

import { attachTestCase } from "./attach.ts";

const few = { api: "chat", contextTokens: 64, requests: 2, seed: 0 } as const;

test("one URL is measured, two are compared with the first", () => {
  const { testCase } = attachTestCase({ ...few, urls: ["http://a:1", "http://b:2"] });
  expect([Object.keys(testCase.engines), testCase.baseline]).toEqual([["first", "second"], "first"]);
  expect(attachTestCase({ ...few, urls: ["http://a:1"] }).testCase).not.toHaveProperty("baseline");
  expect(() => attachTestCase({ ...few, urls: ["http://a:1", "http://b:2", "http://c:3"] })).toThrow("one or two URLs, not 3");
});

test("a certificate that nobody knows is taken where that is asked for, and the report says so", () => {
  const engineOf = (acceptAnyCertificate: boolean) =>
    attachTestCase({ ...few, urls: ["https://a:1"], acceptAnyCertificate }).testCase.engines["server"];
  expect(engineOf(true)).toMatchObject({
    launch: { acceptAnyCertificate: true },
    features: expect.arrayContaining(["any certificate accepted"]),
  });
  expect(engineOf(false)?.launch).not.toHaveProperty("acceptAnyCertificate");
});
