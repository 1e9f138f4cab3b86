import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

/** The end of a log, for people: without colours, and of a progress bar only its last state. `from` leaves out earlier starts. */
export function lastLines(path: string, count: number, from = 0): readonly string[] {
  const lines = stripVTControlCharacters(tail(path, from))
    .split("\n")
    .map((line) => line.trimEnd().split("\r").at(-1)?.trimEnd() ?? "")
    .filter((line) => line !== "");
  return lines.slice(-count).map((line) => (line.length > longestLine ? `${line.slice(0, longestLine)} …` : line));
}

/** Of two logs `count` lines in all: half of each, more of one where the other has less. */
export function lastLinesOfBoth(stdout: readonly string[], stderr: readonly string[], count: number): readonly string[] {
  const half = Math.floor(count / 2);
  const ofStdout = Math.max(half, count - stderr.length);
  const ofStderr = Math.max(count - half, count - stdout.length);
  return [...stdout.slice(-ofStdout), ...stderr.slice(-ofStderr)];
}

export function logSize(path: string): number {
  return withLog(path, 0, (log) => fstatSync(log).size);
}

const longestLine = 400;
const tailBytes = 64 * 1024;

function tail(path: string, from: number): string {
  return withLog(path, "", (log) => {
    const end = fstatSync(log).size;
    const start = Math.max(from, end - tailBytes);
    const bytes = Buffer.alloc(Math.max(0, end - start));
    const read = readSync(log, bytes, 0, bytes.length, start);
    return bytes.toString("utf8", 0, read);
  });
}

/** A log that cannot be read has nothing to say; the error it should explain is shown without it. */
function withLog<T>(path: string, otherwise: T, look: (log: number) => T): T {
  let log: number;
  try {
    log = openSync(path, "r");
  } catch {
    return otherwise;
  }
  try {
    return look(log);
  } finally {
    closeSync(log);
  }
}
