import { expect, test } from "vitest";

import { contradictions } from "./contradictions.ts";

const told = (argument: string | undefined, options: Record<string, unknown>) =>
  contradictions({ argument, options, argv: [] }).map(({ message }) => message);

test("a file or servers, and not both", () => {
  expect(told("a.ts", {})).toEqual([]);
  expect(told(undefined, { attach: ["http://a"], rate: 2, acceptAnyCertificate: true })).toEqual([]);
  expect(told(undefined, {})).toEqual(["no test file given"]);
  expect(told("a.ts", { attach: ["http://a"] })).toEqual(["a test file and --attach at once: a.ts was taken for a test file"]);
});

test("what does not go together is told together", () => {
  expect(told("a.ts", { rate: 2, concurrency: 3, acceptAnyCertificate: true })).toEqual([
    "--rate, --concurrency, --accept-any-certificate: only for --attach, and there is a test file",
    "--rate and --concurrency at once",
  ]);
});
