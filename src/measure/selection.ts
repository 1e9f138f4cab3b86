import type { Gaps } from "./latency.ts";

/**
 * Ranks of weighted values without putting them all in order: Hoare's selection, which goes through tens of millions of gaps in less time than
 * sorting them takes. Ranks must be asked for from the lowest to the highest. Changes the order of what it is given.
 */
export class Selection {
  private readonly values: Float64Array;
  private readonly weights: Int32Array;
  /** What lies before it is not above what follows… */
  private from: number;
  /** …and weighs so much. */
  private passed: number;
  private readonly nine: Float64Array;

  constructor({ seconds, weights }: Pick<Gaps, "seconds" | "weights">) {
    this.values = seconds;
    this.weights = weights;
    this.from = 0;
    this.passed = 0;
    this.nine = new Float64Array(9);
  }

  /** The smallest value that, with all that are not above it, weighs at least `rank`; undefined where there is none. */
  atRank(rank: number): number | undefined {
    let to = this.values.length - 1;
    while (this.from < to) {
      const middle = this.partition(this.from, to);
      const weight = this.weightOf(this.from, middle);
      if (this.passed + weight >= rank) {
        to = middle;
      } else {
        this.passed += weight;
        this.from = middle + 1;
      }
    }
    return this.values[this.from];
  }

  /** Up to the place that it returns, nothing is above what comes after it; both sides hold at least one. */
  private partition(from: number, to: number): number {
    const { values } = this;
    const pivot = this.pivot(from, to);
    let [left, right] = [from, to];
    for (;;) {
      while ((values[left] ?? pivot) < pivot) left++;
      while ((values[right] ?? pivot) > pivot) right--;
      if (left >= right) return right;
      this.swap(left++, right--);
    }
  }

  private swap(one: number, other: number): void {
    const { values, weights } = this;
    const [value = 0, weight = 0] = [values[one], weights[one]];
    values[one] = values[other] ?? 0;
    weights[one] = weights[other] ?? 0;
    values[other] = value;
    weights[other] = weight;
  }

  /** The median of nine at even distances: well inside, whatever order the values are in, and never the last one's alone. */
  private pivot(from: number, to: number): number {
    for (let sample = 0; sample < 9; sample++) this.nine[sample] = this.values[from + Math.floor(((to - from) * sample) / 8)] ?? 0;
    return this.nine.sort()[4] ?? 0;
  }

  private weightOf(from: number, to: number): number {
    let weight = 0;
    for (let place = from; place <= to; place++) weight += this.weights[place] ?? 0;
    return weight;
  }
}
