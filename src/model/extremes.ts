/** The largest of however many values, which Math.max() takes a hundred thousand of; `-Infinity` of none. */
export function largestOf(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

/** The smallest of however many; `Infinity` of none. */
export function smallestOf(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}
