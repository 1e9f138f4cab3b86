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

/** What is asked for beside the index, and the series it becomes. */
const fields = [
  { field: "memory.used", series: "gpu-memory-mib" },
  { field: "utilization.gpu", series: "gpu-utilization-percent" },
  { field: "power.draw", series: "gpu-power-watts" },
  { field: "clocks.sm", series: "gpu-sm-clock-mhz" },
] as const;

// One process for the whole run: each start of it costs 25 ms of CPU.
const args = [
  `--query-gpu=index,${fields.map(({ field }) => field).join(",")}`,
  "--format=csv,noheader,nounits",
  "-lms",
  "200", // milliseconds between readings
];

const firstReadingWithin = 10_000;
const endWithin = 1_000;

/** Memory, utilisation, power and clock of every GPU of this machine, five times a second. Nothing at all where there is none. */
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
      const running = spawn(program, args, { env: environment, stdio: ["ignore", "pipe", "ignore"] });
      child = running;
      const found = await hasReading(running, running.stdout, (line) => readingsIn(line, clock.now()), read);
      if (!found) await stop();
      return found;
    },
    stop,
  };
}

/** True once the first line with a reading has come; false when the program is not there, ends, or stays silent. */
function hasReading(
  child: ChildProcess,
  output: Readable,
  parse: (line: string) => readonly Reading[],
  read: (reading: Reading) => void,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const patience = setTimeout(resolve, firstReadingWithin, false);
  child.on("error", () => resolve(false)); // not installed
  child.on("close", () => resolve(false)); // no driver, no device
  createInterface({ input: output }).on("line", (line) => {
    const readings = parse(line);
    for (const reading of readings) read(reading);
    if (readings.length > 0) resolve(true);
  });
  return promise.finally(() => clearTimeout(patience));
}

/** The readings in one line of output. A field that is not a number ("[N/A]", "[Not Supported]") is missing. */
export function readingsIn(line: string, at: Nanoseconds): readonly Reading[] {
  const [index = "", ...cells] = line.split(",").map((cell) => cell.trim());
  if (!/^\d+$/.test(index) || cells.length !== fields.length) return [];
  return fields.flatMap(({ series }, i) => {
    const value = Number.parseFloat(cells[i] ?? "");
    return Number.isFinite(value) ? [{ at, series, of: `gpu-${index}`, value }] : [];
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill("SIGTERM");
  const impatience = setTimeout(() => child.kill("SIGKILL"), endWithin);
  await closed;
  clearTimeout(impatience);
}
