import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";

import { thisMachine } from "../host/thisMachine.ts";
import { gpuMemoryGivenBack } from "./gpuMemory.ts";

/** A driver that tells these MiB, one after the other, as nvidia-smi was seen to tell them beside a held GPU. */
function driver(...used: readonly number[]): NodeJS.ProcessEnv {
  const directory = mkdtempSync(join(tmpdir(), "tandem-gpu-"));
  const lines = used.map((mib, index) => `${index}) echo ${mib};;`).join(" ");
  const program = `#!/bin/sh
case "$*" in
  *compute-apps*) echo "1066, 64749, VLLM::EngineCore"; exit;;
esac
asked=$(cat ${directory}/asked 2>/dev/null || echo 0)
echo $((asked + 1)) > ${directory}/asked
case $asked in ${lines} *) echo ${used.at(-1)};; esac
`;
  writeFileSync(join(directory, "nvidia-smi"), program);
  chmodSync(join(directory, "nvidia-smi"), 0o755);
  return { PATH: `${directory}${delimiter}${process.env["PATH"] ?? ""}` };
}

async function warnings(environment: NodeJS.ProcessEnv, gpus: readonly string[], within: number): Promise<readonly string[]> {
  const place = thisMachine({ environment });
  const before = await place.gpuMemory?.used(gpus);
  const told: string[] = [];
  const slot = { port: 0, gpus, directory: "" };
  await gpuMemoryGivenBack(
    place,
    { name: "cached", slot, tell: (event) => void (event.kind === "warning" && told.push(event.message)) },
    before,
    within,
  );
  return told;
}

test("memory that comes back within the bound is waited for, and nothing is said", async () => {
  expect(await warnings(driver(738, 65_903, 65_903, 738), ["0"], 10)).toEqual([]);
});

test("memory that stays is a warning that names who holds it", async () => {
  expect(await warnings(driver(0, 64_749), ["0"], 0.3)).toEqual([
    "64749 MiB more are in use on GPU 0 than before engine cached was started, 0.3 s after it has ended: held by process 1066 (VLLM::EngineCore), 64749 MiB",
  ]);
});

test("without a GPU, or without a driver, nobody is asked and nothing is said", async () => {
  expect(await warnings(driver(0, 64_749), [], 0.1)).toEqual([]);
  expect(await warnings({ PATH: "/nowhere" }, ["0"], 0.1)).toEqual([]);
});
