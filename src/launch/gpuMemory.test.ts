import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, expect, test } from "vitest";

import { thisMachine } from "../host/thisMachine.ts";
import { gpuMemoryBefore, gpuMemoryLacking } from "./gpuMemory.ts";

const drivers = mkdtempSync(join(tmpdir(), "tandem-gpu-"));
afterAll(() => rmSync(drivers, { recursive: true }));

/** A driver that tells these MiB of any GPU, one after the other, as nvidia-smi was seen to tell them beside a held GPU. */
function driver(...used: readonly number[]): NodeJS.ProcessEnv {
  return driverWith("VLLM::EngineCore", used);
}

/** And as it was seen to name who holds them. */
function driverWith(holder: string, used: readonly number[]): NodeJS.ProcessEnv {
  const directory = mkdtempSync(join(drivers, "driver-"));
  const lines = used.map((mib, index) => `${index}) echo ${mib};;`).join(" ");
  const program = `#!/bin/sh
case "$*" in
  *compute-apps*) echo "1066, 64749, ${holder}"; exit;;
  *memory.total*) exit;;
esac
asked=$(cat ${directory}/asked$2 2>/dev/null || echo 0)
echo $((asked + 1)) > ${directory}/asked$2
case $asked in ${lines} *) echo ${used.at(-1)};; esac
`;
  writeFileSync(join(directory, "nvidia-smi"), program);
  chmodSync(join(directory, "nvidia-smi"), 0o755);
  return { PATH: `${directory}${delimiter}${process.env["PATH"] ?? ""}` };
}

async function warnings(
  environment: NodeJS.ProcessEnv,
  engines: Readonly<Record<string, readonly string[]>>,
  within: number,
): Promise<readonly string[]> {
  const told: string[] = [];
  const watched = Object.entries(engines).map(([name, gpus]) => ({ name, gpus, engine: { gpuShare: 0.4 } }));
  const tell = (event: { kind: string; message?: string }) => void (event.kind === "warning" && told.push(event.message ?? ""));
  const memory = await gpuMemoryBefore(watched, { place: thisMachine({ environment }), tell, within });
  await memory[Symbol.asyncDispose]();
  return told;
}

test("memory that comes back within the bound is waited for, and nothing is said", async () => {
  expect(await warnings(driver(738, 65_903, 65_903, 738), { cached: ["0"] }, 10)).toEqual([]);
});

test("memory that stays is a warning that names who holds it, and who was started there", async () => {
  expect(await warnings(driver(0, 64_749), { cached: ["0"] }, 0.3)).toEqual([
    expect.stringMatching(
      /^64,749 MiB more are in use on GPU 0 than before cached was started, \d+\.\d s after it and its services have ended: held by process 1066 \(VLLM::EngineCore\), 64,749 MiB$/,
    ),
  ]);
});

test("whoever is ending is given longer to let go of it, and only then missed", async () => {
  expect(await warnings(driverWith("[No data]", [0, 64_749, 64_749, 64_749, 0]), { cached: ["0"] }, 0.3)).toEqual([]);
  expect(await warnings(driverWith("[No data]", [0, 64_749]), { cached: ["0"] }, 0.1)).toEqual([
    expect.stringMatching(/held by no living process that nvidia-smi knows of$/),
  ]);
});

test("a GPU that two engines share is looked at once, each GPU for itself", async () => {
  const told = await warnings(driver(0, 64_749), { cached: ["0", "1"], plain: ["0"] }, 0.1);
  expect(new Set(told.map((message) => / on (.*) started/.exec(message)?.[1]))).toEqual(
    new Set(["GPU 0 than before cached and plain were", "GPU 1 than before cached was"]),
  );
  expect(told).toHaveLength(2);
});

test("that the memory of parts of a GPU is not checked is said once, of all of them and no others", async () => {
  expect(await warnings(driver(0), { cached: ["MIG-1f", "0"], plain: ["MIG-2e"] }, 0.1)).toEqual([
    "whether the GPU memory of cached and plain is free before, and given back after, is not checked: nvidia-smi has no counter for MIG-1f, MIG-2e",
  ]);
});

test("a GPU with less memory free than its engines are to take is told before they start, with who holds the rest", async () => {
  const place = { ...thisMachine({ environment: driver(30_800) }), gpus: async () => [{ id: "0", name: "H100", memoryMib: 81_559 }] };
  const lacking = async (gpuShare: number, ...names: readonly string[]) => {
    const engines = names.map((name) => ({ name, gpus: ["0"], engine: { gpuShare } }));
    return (await gpuMemoryLacking(engines, place)).map(({ message }) => message);
  };
  const held = "the rest is held by process 1066 (VLLM::EngineCore), 64,749 MiB";
  expect(await lacking(0.8, "plain")).toEqual([`GPU 0 has 50,759 of 81,559 MiB free, less than the 80 % that plain is to take: ${held}`]);
  expect(await lacking(0.4, "plain", "cached")).toEqual([expect.stringContaining("80 % that plain and cached are to take")]);
  expect(await lacking(0.6, "plain")).toEqual([]);
});

test("who needs its share to boot is stopped by less, unless two ways of counting could tell the same apart", async () => {
  const place = { ...thisMachine({ environment: driver(30_800) }), gpus: async () => [{ id: "0", name: "H100", memoryMib: 81_559 }] };
  const stopped = async (shares: Readonly<Record<string, number>>, needsItsShare = true) => {
    const engines = Object.entries(shares).map(([name, gpuShare]) => ({ name, gpus: ["0"], engine: { gpuShare, needsItsShare } }));
    return (await gpuMemoryLacking(engines, place)).map((lacking) => lacking.stopped);
  };
  // 50,759 MiB are free: 62.2 % of all.
  expect(await stopped({ plain: 0.8 })).toEqual([["plain"]]);
  expect(await stopped({ plain: 0.8 }, false)).toEqual([[]]);
  expect(await stopped({ plain: 0.63 })).toEqual([[]]);
  expect(await stopped({ plain: 0.64, cached: 0.3 })).toEqual([["plain"]]);
});

test("without a GPU, or without a driver, nobody is asked and nothing is said", async () => {
  expect(await warnings(driver(0, 64_749), { cached: [] }, 0.1)).toEqual([]);
  expect(await warnings({ PATH: "/nowhere" }, { cached: ["0"] }, 0.1)).toEqual([]);
});
