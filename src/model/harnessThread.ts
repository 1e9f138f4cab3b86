import type { Seconds } from "./time.ts";

const prefix = "harness/";

/** Who comes to a look so late has stood still. Less is garbage, or a busy moment: the delay of nine looks in ten tells of those. */
export const shortestStall: Seconds = 0.1;

/** What a load thread's readings are of: "harness/3". Those of the whole machine are of "harness", as all were before threads were told apart. */
export function harnessThread(worker: number): string {
  return `${prefix}${worker}`;
}

/** Its number; undefined of anything else. */
export function workerOf(of: string): number | undefined {
  return of.startsWith(prefix) ? Number(of.slice(prefix.length)) : undefined;
}
