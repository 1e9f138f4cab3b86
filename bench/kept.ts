import type { Run } from "./table.ts";

const withinMicroseconds = 1_000;
const mostLate = 0.01;

/** The load was less than asked for: such a run tells nothing of its client. */
export function isServerLate({ serverLate = 0 }: Run): boolean {
  return serverLate > mostLate;
}

/** Stamps were right to the millisecond, but for one in a hundred, and there were as many as the server was to write. */
export function isKept(run: Run): boolean {
  return !isServerLate(run) && (run.measured?.stamp_error_us?.p99 ?? Infinity) <= withinMicroseconds;
}

/** As few runs as tell which of these levels, each more than the one before, is the last that is kept. */
export async function runsToTheLastKept<Level>(levels: readonly Level[], run: (level: Level) => Promise<Run>): Promise<readonly Run[]> {
  const middle = Math.floor((levels.length - 1) / 2);
  const level = levels[middle];
  if (level === undefined) return [];
  const tried = await run(level);
  const left = isKept(tried) ? levels.slice(middle + 1) : levels.slice(0, middle);
  return [tried, ...(await runsToTheLastKept(left, run))];
}
