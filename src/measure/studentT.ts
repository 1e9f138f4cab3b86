/** The normal distribution's value with 2.5 % above it. */
const normal = 1.959_963_984_540_054;

// For 1 to 29 degrees of freedom, as scipy 1.17.1 prints them: stats.t.ppf(0.975, degrees).
const table = [
  12.706204736, 4.30265273, 3.182446305, 2.776445105, 2.570581836, 2.446911851, 2.364624252, 2.306004135, 2.262157163, 2.228138852,
  2.20098516, 2.17881283, 2.160368656, 2.144786688, 2.131449546, 2.119905299, 2.109815578, 2.10092204, 2.093024054, 2.085963447,
  2.079613845, 2.073873068, 2.06865761, 2.063898562, 2.059538553, 2.055529439, 2.051830516, 2.048407142, 2.045229642,
];

/**
 * Student's t with 2.5 % above it: half the width of a 95 % interval, in standard errors. Missing below one degree of freedom.
 * From 30 degrees on by Abramowitz and Stegun 26.7.5, which is within 2e-6 there.
 */
export function studentT(degrees: number): number | undefined {
  if (degrees < 30) return table[degrees - 1];
  const z = normal;
  const terms = [(z ** 3 + z) / 4, (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96, (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384];
  return terms.reduce((sum, term, index) => sum + term / degrees ** (index + 1), z);
}

/** How many times as wide an interval of so many values has to be that tell no more than so few. */
export function timesWider(values: number, few: number): number {
  const [asMany, asFew] = [studentT(values - 1), studentT(Math.max(1, Math.round(few) - 1))];
  return asMany === undefined || asFew === undefined ? 1 : asFew / asMany;
}
