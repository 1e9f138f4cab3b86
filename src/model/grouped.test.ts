import { expect, test } from "vitest";

import { groupedIfDigits, groupedIfWhole, groupedSize } from "./grouped.ts";

test("a size that an engine tells of itself is grouped for people, and nothing else of what it tells", () => {
  expect(groupedSize("131072 tokens")).toBe("131,072 tokens");
  for (const told of ["385,104 tokens", "256 tokens", "20260101 tokens more", "bfloat16"]) expect(groupedSize(told)).toBe(told);
});

test("what a server counts may be no count: it is told as it came", () => {
  expect([2_000_000_000, -0.5, 1e300, undefined].map(groupedIfWhole)).toEqual(["2,000,000,000", "-0.5", "1e+300", "unknown"]);
});

test("a count that a program printed is grouped, and what it printed instead stays", () => {
  expect(["81559", "9", "[N/A]", "1e9"].map(groupedIfDigits)).toEqual(["81,559", "9", "[N/A]", "1e9"]);
});
