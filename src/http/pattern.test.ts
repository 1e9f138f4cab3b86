import * as fc from "fast-check";
import { expect, test } from "vitest";

import { Pattern } from "./pattern.ts";

test("a pattern is where the same bytes are, and nowhere else", () => {
  // 0 and bytes above 0x7f too: read as numbers, they could be equal to others.
  const byte = fc.constantFrom(0, 0x31, 0x32, 0x80, 0xff);
  const someBytes = fc.array(byte, { maxLength: 20 }).map((bytes) => Uint8Array.from(bytes));
  const moreBytes = fc.array(byte, { minLength: 1, maxLength: 40 }).map((bytes) => Uint8Array.from(bytes));
  const copied = fc.tuple(someBytes, moreBytes, fc.nat(20)).map(([wanted, all, at]) => {
    all.set(wanted.subarray(0, Math.max(0, all.length - at)), Math.min(at, all.length));
    return [wanted, all, at] as const;
  });
  fc.assert(
    fc.property(copied, ([wanted, all, start]) => {
      const bytes = Buffer.from(all);
      const found = start + wanted.length <= bytes.length && bytes.subarray(start, start + wanted.length).equals(wanted);
      expect(new Pattern(wanted).isAt(bytes, start, bytes.length)).toBe(found);
    }),
    { numRuns: 2_000 },
  );
});

test("a pattern that would reach beyond the bytes just read is not there, whatever an earlier read has left", () => {
  expect(new Pattern(Buffer.from("data: ")).isAt(Buffer.from("xdata: "), 1, 6)).toBe(false);
});
