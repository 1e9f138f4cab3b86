// A loop: in a closure, V8 makes an object of every sum on the way.

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let place = 0; place < values.length; place++) total += values[place] ?? 0;
  return total;
}

/** NaN of none. */
export function meanOf(values: ArrayLike<number>): number {
  return sum(values) / values.length;
}
