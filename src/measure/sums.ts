// Loops, and by index: in a closure, V8 makes an object of every sum on the way, and of an array's iterator one for each of a million steps.

export function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let place = 0; place < values.length; place++) total += values[place] ?? 0;
  return total;
}

/** Of what each of them has. */
export function sumOf<T>(all: readonly T[], value: (one: T) => number): number {
  let total = 0;
  for (let place = 0; place < all.length; place++) total += value(all[place] as T); // place is below its length
  return total;
}

/** NaN of none. */
export function meanOf(values: ArrayLike<number>): number {
  return sum(values) / values.length;
}
