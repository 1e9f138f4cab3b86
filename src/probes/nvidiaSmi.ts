import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Clock } from "../model/host.ts";
import type { Probe, Reading } from "../model/record.ts";
import type { Nanoseconds } from "../model/time.ts";

export interface NvidiaSmiOptions {
  /** Found on the PATH of `environment` unless it is a path. */
  readonly program?: string;
  readonly environment?: NodeJS.ProcessEnv;
}

interface Field {
  readonly field: string;
  readonly series: string;
  /** "616.60", "0x0000000000000004"; NaN where it is neither ("[N/A]", "[Not Supported]"). */
  readonly parse: (cell: string) => number;
}

/** What is asked for beside the index, and the series it becomes. */
const always: readonly Field[] = [
  { field: "memory.used", series: "gpu-memory-mib", parse: Number.parseFloat },
  { field: "utilization.gpu", series: "gpu-utilization-percent", parse: Number.parseFloat },
  { field: "power.draw", series: "gpu-power-watts", parse: Number.parseFloat },
  { field: "clocks.sm", series: "gpu-sm-clock-mhz", parse: Number.parseFloat },
];

/** What holds the clock down, a bit for each reason: as drivers call it now, as they did before 535, and not at all. */
const generations: readonly (readonly Field[])[] = [
  ...["clocks_event_reasons.active", "clocks_throttle_reasons.active"].map((field) => [
    ...always,
    { field, series: "gpu-throttle-reasons", parse: bitMask },
  ]),
  always,
];

const firstReadingWithin = 10_000;
const endWithin = 1_000;

/** Memory, utilisation, power, clock and what holds it down, of every GPU of this machine, five times a second. Nothing at all where there is none. */
export function nvidiaSmi(clock: Pick<Clock, "now">, { program = "nvidia-smi", environment = process.env }: NvidiaSmiOptions = {}): Probe {
  let child: ChildProcess | undefined;
  const endWithUs = () => child?.kill("SIGKILL");
  const stop = async () => {
    process.off("exit", endWithUs);
    if (child !== undefined) await end(child);
    child = undefined;
  };
  return {
    name: "nvidia-smi",
    async start(read) {
      process.on("exit", endWithUs); // killed with SIGKILL we leave no time for this; its next line then meets a closed pipe
      for (const fields of generations) {
        const running = spawn(program, argumentsFor(fields), { env: environment, stdio: ["ignore", "pipe", "ignore"] });
        child = running;
        const first = await firstReading(running, running.stdout, (line) => readingsIn(line, clock.now(), fields), read);
        if (first === "read") return true;
        if (first === "none") break; // a field that it does not know ends it at once
      }
      await stop();
      return false;
    },
    stop,
  };
}

/** One process for the whole run: each start of it costs 25 ms of CPU. */
function argumentsFor(fields: readonly Field[]): readonly string[] {
  return [
    `--query-gpu=index,${fields.map(({ field }) => field).join(",")}`,
    "--format=csv,noheader,nounits",
    "-lms",
    "200", // milliseconds between readings
  ];
}

/** "read" once the first line with a reading has come; "ended" when it ended before, "none" when the program is not there or stays silent. */
function firstReading(
  child: ChildProcess,
  output: Readable,
  parse: (line: string) => readonly Reading[],
  read: (reading: Reading) => void,
): Promise<"read" | "ended" | "none"> {
  const { promise, resolve } = Promise.withResolvers<"read" | "ended" | "none">();
  const patience = setTimeout(resolve, firstReadingWithin, "none");
  child.on("error", () => resolve("none")); // not installed
  child.on("close", () => resolve("ended")); // no driver, no device, an unknown field
  createInterface({ input: output }).on("line", (line) => {
    const readings = parse(line);
    for (const reading of readings) read(reading);
    if (readings.length > 0) resolve("read");
  });
  return promise.finally(() => clearTimeout(patience));
}

/** The readings in one line of output. A field that is not a number ("[N/A]", "[Not Supported]") is missing. */
export function readingsIn(line: string, at: Nanoseconds, fields: readonly Field[] = generations[0] ?? always): readonly Reading[] {
  const [index = "", ...cells] = line.split(",").map((cell) => cell.trim());
  if (!/^\d+$/.test(index) || cells.length !== fields.length) return [];
  return fields.flatMap(({ series, parse }, i) => {
    const value = parse(cells[i] ?? "");
    return Number.isFinite(value) ? [{ at, series, of: `gpu-${index}`, value }] : [];
  });
}

function bitMask(cell: string): number {
  return /^0x[\da-f]+$/i.test(cell) ? Number(cell) : Number.NaN;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill("SIGTERM");
  const impatience = setTimeout(() => child.kill("SIGKILL"), endWithin);
  await closed;
  clearTimeout(impatience);
}
