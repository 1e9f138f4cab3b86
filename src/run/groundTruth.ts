import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { withKernelStamps } from "../host/native.ts";
import type { Origin } from "../host/realClock.ts";
import type { Truth } from "../measure/rulerError.ts";
import type { Wire } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Clock } from "../model/host.ts";
import type { Place } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";
import type { Way } from "./loadMessages.ts";

/** A real clock that other processes can share. */
export interface SharedClock extends Clock {
  readonly origin: Origin;
}

export interface Timetable {
  /** From reading a request to its first token. */
  readonly first: Seconds;
  /** From each token to the next. */
  readonly gap: Seconds;
}

/** The ground-truth engine, running in a process of its own. */
export interface GroundTruth extends AsyncDisposable {
  /** To it where it answers by this timetable. */
  way(timetable: Timetable): Way;
  /** What it wrote down since it was last asked; waits a moment for requests that have just ended. */
  truths(expected: number): Promise<readonly Truth[]>;
}

const program = fileURLToPath(new URL("../simulation/groundTruth.ts", import.meta.url));
const wire: Wire = { api: "completions", model: "ground-truth", takesTokenIds: false, tokenIdOffset: 0, fixesLength: true };

/** Works in `scratch`, or in a directory of its own; either is removed with it. */
export async function startGroundTruth(clock: SharedClock, place: Place, scratch?: string): Promise<GroundTruth> {
  const temporary = scratch === undefined ? place.temporaryDirectory?.() : undefined;
  const directory = temporary?.path ?? (scratch === undefined ? mkdtempSync(join(tmpdir(), "tandem-ground-truth-")) : resolve(scratch));
  mkdirSync(directory, { recursive: true });
  const truthFile = join(directory, "truth.jsonl");
  const logs = { stdout: join(directory, "stdout.log"), stderr: join(directory, "stderr.log") };
  const flags = ["--origin", clock.origin.join(","), "--truth", truthFile];
  const env = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const started = await place.start({ program: "node", args: [program, ...flags], env: withKernelStamps(env), directory }, logs);
  const end = async () => {
    await started.end(1);
    if (temporary === undefined) rmSync(directory, { recursive: true, force: true });
    temporary?.[Symbol.dispose]();
  };
  try {
    const port = await printedPort(logs.stdout);
    let read = 0;
    return {
      way: ({ first, gap }) => {
        const url = `http://127.0.0.1:${port}/${inMilliseconds(first)}/${inMilliseconds(gap)}`;
        return { url, wire, servedModel: "ground-truth", namesRequests: true };
      },
      truths: async (expected) => {
        const found = await linesOf(truthFile, read + expected);
        const fresh = found.slice(read);
        read = found.length;
        return fresh.map((line) => JSON.parse(line) as Truth); // written by our own program, whole lines only
      },
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

function inMilliseconds(time: Seconds): string {
  return (time * 1_000).toFixed(3);
}

async function printedPort(log: string): Promise<number> {
  for (let waited = 0; waited < 10_000; waited += 20) {
    const text = textOf(log);
    if (text.endsWith("\n")) return Number(text);
    await pause(20);
  }
  throw new HarnessError("engine-not-ready", "the ground-truth engine did not start within 10 s", {
    hint: "run again with --no-calibration to go without",
  });
}

/** Lines of a file, once there are as many as expected, or after two seconds as many as there are. */
async function linesOf(path: string, expected: number): Promise<readonly string[]> {
  for (let waited = 0; ; waited += 50) {
    const lines = textOf(path).split("\n").slice(0, -1);
    if (lines.length >= expected || waited >= 2_000) return lines;
    await pause(50);
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // not written yet
  }
}
