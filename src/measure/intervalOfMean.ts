import type { Interval } from "../model/figures.ts";
import { studentT } from "./studentT.ts";

/** Of values that are taken for independent, at 95 %, by Student's t; missing below two values. */
export function intervalOfMean(values: Float64Array, mean: number): Interval | undefined {
  const count = values.length;
  const t = studentT(count - 1);
  if (t === undefined) return undefined;
  let squares = 0;
  for (let i = 0; i < count; i++) squares += ((values[i] ?? 0) - mean) ** 2;
  const half = t * Math.sqrt(squares / (count - 1) / count);
  return [mean - half, mean + half];
}
