import type { Nanoseconds } from "../model/time.ts";

interface WakeUp {
  readonly time: Nanoseconds;
  readonly order: number;
  act: (() => void) | undefined;
}

/** What is to be called when, earliest first; of two at the same time the one that was added first. */
export class WakeUps {
  private readonly heap: WakeUp[];
  private added: number;

  constructor() {
    this.heap = [];
    this.added = 0;
  }

  /** Returns what cancels it. */
  add(time: Nanoseconds, act: () => void): () => void {
    const wakeUp: WakeUp = { time, order: this.added++, act };
    this.heap.push(wakeUp);
    this.rise(this.heap.length - 1);
    return () => {
      wakeUp.act = undefined;
    };
  }

  /** When the next one is due; undefined when there is none. */
  next(): Nanoseconds | undefined {
    // Cancelled ones stay in the heap until they come up, so that cancelling costs nothing.
    while (this.heap[0] !== undefined && this.heap[0].act === undefined) this.removeFirst();
    return this.heap[0]?.time;
  }

  /** Removes the next one and returns what it does; undefined when there is none. */
  take(): (() => void) | undefined {
    if (this.next() === undefined) return undefined;
    const first = this.removeFirst();
    const act = first?.act;
    if (first !== undefined) first.act = undefined;
    return act;
  }

  private removeFirst(): WakeUp | undefined {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (last === undefined || last === first) return first;
    this.heap[0] = last;
    this.sink(0);
    return first;
  }

  private rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.isBefore(index, parent)) return;
      this.swap(index, parent);
      index = parent;
    }
  }

  private sink(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      let earliest = this.isBefore(left, index) ? left : index;
      if (this.isBefore(right, earliest)) earliest = right;
      if (earliest === index) return;
      this.swap(index, earliest);
      index = earliest;
    }
  }

  private isBefore(one: number, other: number): boolean {
    const a = this.heap[one];
    const b = this.heap[other];
    if (a === undefined || b === undefined) return false;
    return a.time < b.time || (a.time === b.time && a.order < b.order);
  }

  private swap(one: number, other: number): void {
    const a = this.heap[one];
    const b = this.heap[other];
    if (a === undefined || b === undefined) return;
    this.heap[one] = b;
    this.heap[other] = a;
  }
}
