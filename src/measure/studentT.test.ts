import { expect, test } from "vitest";
import { normalShare } from "./normalShare.ts";
import { studentT } from "./studentT.ts";

// Printed by scipy 1.17.1: stats.t.ppf(0.975, degrees) and stats.norm.cdf(z).
const quantiles = [
  [1, 12.706204736174694],
  [2, 4.302652729749462],
  [3, 3.1824463052837078],
  [5, 2.5705818356363146],
  [9, 2.262157162798205],
  [29, 2.045229642132703],
  [30, 2.0422724563012378],
  [63, 1.998340542520741],
  [661, 1.9635593659754267],
  [1_000_000, 1.959966356814107],
] as const;

const shares = [
  [-4, 3.167124183311986e-5],
  [-2.8159, 0.002432040210159746],
  [-1.96, 0.024997895148220435],
  [-0.5, 0.3085375387259869],
  [0, 0.5],
  [1, 0.8413447460685429],
  [3, 0.9986501019683699],
] as const;

test.each(quantiles)("Student's t with %d degrees of freedom is scipy's %d", (degrees, expected) => {
  expect(Math.abs((studentT(degrees) ?? Number.NaN) - expected)).toBeLessThan(2.5e-6);
});

test.each(shares)("the share of the normal distribution below %d is scipy's %d", (z, expected) => {
  expect(Math.abs(normalShare(z) - expected)).toBeLessThan(1e-7);
});

test("without a degree of freedom there is no t", () => {
  expect([studentT(0), studentT(-1)]).toEqual([undefined, undefined]);
});
