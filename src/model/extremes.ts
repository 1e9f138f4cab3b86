// Loops: in a closure, V8 makes an object of every value on the way.

/** The largest of however many values, which Math.max() takes a hundred thousand of; `-Infinity` of none. */
export function largestOf(values: ArrayLike<number>): number {
  let most = -Infinity;
  for (let place = 0; place < values.length; place++) most = Math.max(most, values[place] ?? most);
  return most;
}

/** The smallest of however many; `Infinity` of none. */
export function smallestOf(values: ArrayLike<number>): number {
  let least = Infinity;
  for (let place = 0; place < values.length; place++) least = Math.min(least, values[place] ?? least);
  return least;
}
