import { expect, test } from "vitest";

import { worst } from "./exitCode.ts";

test("several at once: a bug before an interruption, then the author's mistake, an engine, INVALID, a check", () => {
  const codes = [0, 1, 4, 3, 2, 130, 70];
  for (const [index, code] of codes.entries()) expect(worst(codes.slice(0, index + 1))).toBe(code);
  expect(worst([])).toBe(0);
});
