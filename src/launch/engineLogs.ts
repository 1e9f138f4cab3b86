import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { knownCause } from "./knownCause.ts";
import { lastLines, lastLinesOfBoth, logSize } from "./lastLines.ts";
import { masks } from "./secrets.ts";

export type LogSizes = readonly [stdout: number, stderr: number];

/** What one start of an engine prints: two files that stay, shown without its secrets. */
export class EngineLogs {
  readonly stdout: string;
  readonly stderr: string;
  readonly #secrets: readonly string[];
  readonly #starts: LogSizes;

  constructor(directory: string, secrets: readonly string[]) {
    this.stdout = join(directory, "stdout.log");
    this.stderr = join(directory, "stderr.log");
    this.#secrets = secrets;
    this.#starts = this.sizes();
  }

  lastLines(): readonly string[] {
    return this.#tail(shownLines);
  }

  /** What to look at when its engine fails: the command, the logs, their last lines. */
  circumstances(commandLine: string): readonly string[] {
    const lines = this.lastLines();
    const shown = lines.length === 0 ? ["  it has printed nothing"] : lines.map((line) => `  | ${line}`);
    return [`  command: ${commandLine}`, `  logs: ${this.stdout} and ${this.stderr}`, ...shown];
  }

  /** Looked for further back than what is shown: shutting down prints a lot after the cause. */
  knownCause(since: LogSizes = this.#starts): string | undefined {
    return knownCause(this.#tail(searchedLines, since));
  }

  /** How much there is by now. */
  sizes(): LogSizes {
    return [logSize(this.stdout), logSize(this.stderr)];
  }

  /** Engines print their arguments, keys included. Called once they have ended. */
  async withoutSecrets(): Promise<void> {
    for (const path of [this.stdout, this.stderr]) await rewriteWithout(this.#secrets, path);
  }

  #tail(count: number, [stdout, stderr] = this.#starts): readonly string[] {
    const both = lastLinesOfBoth(lastLines(this.stdout, count, stdout), lastLines(this.stderr, count, stderr), count);
    return both.map((line) => masks(line, this.#secrets));
  }
}

const shownLines = 20;
const searchedLines = 400;

/** Written only where there is one: a log is evidence, and otherwise stays as the engine wrote it. */
async function rewriteWithout(secrets: readonly string[], path: string): Promise<void> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch {
    return; // there is none, or it is too large for one piece of memory and then no log that anybody hands on
  }
  if (!secrets.some((secret) => bytes.includes(secret))) return;
  await writeFile(path, masks(bytes.toString("utf8"), secrets));
}
