import * as fc from "fast-check";
import { expect, test } from "vitest";

import { Pattern } from "./pattern.ts";

test("a pattern is where the same bytes are, and nowhere else", () => {
  const someBytes = fc.uint8Array({ maxLength: 9, max: 2 });
  fc.assert(
    fc.property(someBytes, fc.uint8Array({ minLength: 1, maxLength: 40, max: 2 }), fc.nat(40), (wanted, all, start) => {
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
