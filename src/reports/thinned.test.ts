import * as fc from "fast-check";
import { expect, test } from "vitest";
import { thinned } from "./thinned.ts";

test("few points stay as they are", () => {
  expect(thinned([3, 1, 2], 10, (value) => value)).toEqual([3, 1, 2]);
});

test("many points become few, in order, with the highest and the lowest among them", () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 500 }), (heights) => {
      const points = heights.map((height, index) => ({ height, index }));
      const kept = thinned(points, 40, ({ height }) => height);
      expect(kept.length).toBeLessThanOrEqual(40);
      expect(kept.map(({ index }) => index)).toEqual(kept.map(({ index }) => index).toSorted((a, b) => a - b));
      expect(Math.max(...kept.map(({ height }) => height))).toBe(Math.max(...heights));
      expect(Math.min(...kept.map(({ height }) => height))).toBe(Math.min(...heights));
    }),
  );
});
