import * as fc from "fast-check";
import { expect, test } from "vitest";
import { numbersOf, writeWords } from "./int64.ts";

test("every whole number below 2^53 is stored as that 64-bit integer and comes back", () => {
  const whole = fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(fc.array(whole), (numbers) => {
      const stored = new BigInt64Array(numbers.length);
      writeWords(Float64Array.from(numbers), stored, numbers.length);
      expect([...stored]).toEqual(numbers.map(BigInt));
      expect([...numbersOf(stored)]).toEqual(numbers);
    }),
  );
});

test("104 days of nanoseconds and the moment before zero are among them", () => {
  const stored = new BigInt64Array(2);
  writeWords(Float64Array.of(104 * 86_400e9, -1), stored, 2);
  expect([...stored]).toEqual([8_985_600_000_000_000n, -1n]);
});
