import type { TestContext } from "vitest";

import type { RealClock } from "../host/realClock.ts";
import { toNanoseconds, type Nanoseconds } from "../model/time.ts";

/** One attempt at what a test claims about time. */
export interface Attempt {
  readonly isMet: boolean;
  /** Shares of the moments in which the machine held up the one side or the other, taken together. */
  readonly heldUp: number;
  /** In figures. */
  readonly found: string;
}

const mostAttempts = 3;
/** A claim about 99 of 100 is refuted where the machine itself spoils no more than every second of the others. */
const quietEnough = 0.005;

/**
 * Tries until the claim is met, three times at most. It fails where one of them was quiet enough to tell; where none was, nobody can tell, and
 * that is skipped, or under TANDEM_SKIP_NOTHING a failure with that reason.
 */
export async function inQuietMoment(
  context: Pick<TestContext, "skip">,
  attempt: () => Promise<Attempt>,
  skipsNothing = process.env["TANDEM_SKIP_NOTHING"] === "1",
): Promise<void> {
  const attempts: Attempt[] = [];
  while (attempts.length < mostAttempts) {
    const latest = await attempt();
    if (latest.isMet) return;
    attempts.push(latest);
  }
  const all = attempts.map(described).join("\n");
  if (attempts.some(({ heldUp }) => heldUp <= quietEnough)) throw new Error(`not met, and this machine was quiet enough to tell:\n${all}`);
  const reason = `this machine was too busy to time anything, ${mostAttempts} times in a row; close other work on it:\n${all}`;
  if (skipsNothing) throw new Error(reason);
  context.skip(reason);
}

function described({ found, heldUp }: Attempt): string {
  return `${found}; held up ${(100 * Math.min(1, heldUp)).toFixed(2)} % of the time`;
}

/** Share of these calls that came later than is bearable. */
export function shareLate(lateness: readonly Nanoseconds[], bearable: Nanoseconds): number {
  return lateness.filter((late) => late > bearable).length / lateness.length;
}

const everyMilliseconds = 5;
/** A timer of Node is late by up to a millisecond on an idle machine. */
const grain = toNanoseconds(0.001);

/** Looks whether this process is held up while other things happen. */
export function watchedProcess(clock: RealClock): { stop(bearable: Nanoseconds): number } {
  const began = clock.now();
  const late: number[] = [];
  let last = began;
  const timer = setInterval(() => {
    const now = clock.now();
    late.push(now - last - toNanoseconds(everyMilliseconds / 1_000) - grain);
    last = now;
  }, everyMilliseconds);
  return {
    // What comes while it is held up, and not only in the last bearable moment of it, is seen too late.
    stop: (bearable) => {
      clearInterval(timer);
      return late.reduce((sum, one) => sum + Math.max(0, one - bearable), 0) / (last - began);
    },
  };
}
