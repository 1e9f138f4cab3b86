import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { Reading } from "../model/record.ts";
import { nvidiaSmi, readingsIn } from "./nvidiaSmi.ts";

const clock = { now: () => Number(process.hrtime.bigint()) };

function recorded(file: string): string {
  return readFileSync(new URL(`recorded/${file}`, import.meta.url), "utf8");
}

function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "tandem-nvidia-smi-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A program of that name which does what the recorded one was seen to do: a line at a time as asked for with -lms, until SIGTERM. */
function installed(
  output: string,
  then: "again" | { exit: number },
  unknown: readonly string[] = [],
): { environment: NodeJS.ProcessEnv; pids: () => readonly number[]; asked: () => string } {
  const directory = freshDirectory();
  const log = join(directory, "log");
  const program = `#!${process.execPath}
    const { appendFileSync } = require("node:fs");
    appendFileSync(${JSON.stringify(log)}, process.pid + " " + process.argv.slice(2).join(" ") + "\\n");
    const lines = ${JSON.stringify(output.trimEnd().split("\n"))};
    const then = ${JSON.stringify(then)};
    const asked = process.argv[2].split(/[=,]/).slice(1);
    const unknown = asked.find((field) => ${JSON.stringify(unknown)}.includes(field));
    if (unknown !== undefined) {
      console.log('Field "' + unknown + '" is not a valid field to query.\\n');
      process.exit(2);
    }
    process.stdout.on("error", () => process.exit(141));
    process.on("SIGTERM", () => process.exit(0));
    let next = 0;
    const timer = setInterval(() => {
      console.log(lines[next++ % lines.length].split(", ").slice(0, asked.length).join(", "));
      if (next === lines.length && then !== "again") { clearInterval(timer); process.exitCode = then.exit; }
    }, Number(process.argv.at(process.argv.indexOf("-lms") + 1)));`;
  writeFileSync(join(directory, "nvidia-smi"), program, { mode: 0o755 });
  const logged = () => (existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : []);
  return {
    environment: { PATH: `${directory}${delimiter}${process.env["PATH"] ?? ""}` },
    pids: () => logged().map((line) => Number.parseInt(line, 10)),
    asked: () => logged().join("\n"),
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("every line of one long-lived process becomes a reading of each series, until stop ends it", async () => {
  const smi = installed(recorded("nvidia-smi.h100.csv"), "again");
  const readings: Reading[] = [];
  const probe = nvidiaSmi(clock, { environment: smi.environment });
  const before = clock.now();
  expect(await probe.start((reading) => readings.push(reading))).toBe(true);
  expect(readings.map(({ series, of, value }) => [series, of, value])).toEqual([
    ["gpu-memory-mib", "gpu-0", 0],
    ["gpu-utilization-percent", "gpu-0", 0],
    ["gpu-power-watts", "gpu-0", 74.77],
    ["gpu-sm-clock-mhz", "gpu-0", 345],
    ["gpu-throttle-reasons", "gpu-0", 1],
  ]);
  while (readings.length < 5 * 5) await pause(20);
  const power = readings.filter(({ series }) => series === "gpu-power-watts");
  expect(power.slice(0, 5).map(({ value }) => value)).toEqual([74.77, 74.72, 74.73, 74.7, 74.72]);
  expect(power[4]!.at - before).toBeGreaterThan(5 * 0.19e9); // five periods of 200 ms

  expect(smi.pids()).toHaveLength(1);
  expect(smi.asked()).toContain(
    "--query-gpu=index,memory.used,utilization.gpu,power.draw,clocks.sm,clocks_event_reasons.active --format=csv,noheader,nounits -lms 200",
  );
  expect(smi.pids().map(isAlive)).toEqual([true]);
  await probe.stop();
  expect(smi.pids().map(isAlive)).toEqual([false]);
  const told = readings.length;
  await pause(300);
  expect(readings).toHaveLength(told);
});

test("without nvidia-smi, and without a device under it, there is nothing to read, and no zeros", async () => {
  const readings: Reading[] = [];
  const absent = nvidiaSmi(clock, { environment: { PATH: freshDirectory() } });
  expect(await absent.start((reading) => readings.push(reading))).toBe(false);
  await absent.stop();

  const { environment } = installed(recorded("nvidia-smi.no-devices.txt"), { exit: 6 });
  const none = nvidiaSmi(clock, { environment });
  expect(await none.start((reading) => readings.push(reading))).toBe(false);
  await none.stop();
  expect(readings).toEqual([]);
});

test("when nvidia-smi ends amid a run, what was read stays and stopping is no error", async () => {
  const { environment } = installed(recorded("nvidia-smi.h100.csv").split("\n").slice(0, 2).join("\n"), { exit: 9 });
  const readings: Reading[] = [];
  const probe = nvidiaSmi(clock, { environment });
  expect(await probe.start((reading) => readings.push(reading))).toBe(true);
  await pause(700);
  await probe.stop();
  expect(readings).toHaveLength(2 * 5);
});

test.each([
  [["clocks_event_reasons.active"], "clocks_throttle_reasons.active", true],
  [["clocks_event_reasons.active", "clocks_throttle_reasons.active"], "clocks.sm", false],
])("a driver that does not know %s is asked for what it knows", async (unknown, last, hasReasons) => {
  const smi = installed(recorded("nvidia-smi.h100.csv"), "again", unknown);
  const readings: Reading[] = [];
  const probe = nvidiaSmi(clock, { environment: smi.environment });
  expect(await probe.start((reading) => readings.push(reading))).toBe(true);
  await probe.stop();
  expect(smi.asked().split("\n").at(-1)).toContain(`,${last} --format`);
  expect(readings.find(({ series }) => series === "gpu-sm-clock-mhz")?.value).toBe(345);
  expect(readings.some(({ series }) => series === "gpu-throttle-reasons")).toBe(hasReasons);
  expect(smi.pids().map(isAlive)).toEqual([...unknown.map(() => false), false]);
});

test("a field that is not a number is missing, each GPU has its own name, and other lines say nothing", () => {
  const named = (line: string) => readingsIn(line, 7).map(({ series, of, value }) => `${of} ${series} ${value}`);
  expect(named("1, 9075, 100, 616.60, 1530, 0x0000000000000044")).toEqual([
    "gpu-1 gpu-memory-mib 9075",
    "gpu-1 gpu-utilization-percent 100",
    "gpu-1 gpu-power-watts 616.6",
    "gpu-1 gpu-sm-clock-mhz 1530",
    "gpu-1 gpu-throttle-reasons 68",
  ]);
  expect(named("0, 9075, [N/A], [Not Supported], [Unknown Error], [N/A]")).toEqual(["gpu-0 gpu-memory-mib 9075"]);
  expect(named("No devices were found")).toEqual([]);
  expect(named("0, 9075")).toEqual([]);
});
