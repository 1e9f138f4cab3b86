import { setTimeout as pause } from "node:timers/promises";

import type { Place } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";

/** A driver gives memory back within a second of the last process's end, as seen; this is the bound where somebody living holds it. */
const patience: Seconds = 10;

/** Until then a process may be ending, so many times as long: 0.2 s for each GiB of pinned memory (LMCache's in CPU memory), as seen. */
const longerForTheEnding = 6;

/** What the driver itself may keep. */
const slackMib = 100;

export interface GpuMemoryWatch {
  readonly place: Place;
  readonly tell: (event: RunEvent) => void;
  readonly within?: Seconds;
}

/**
 * Looks at the GPUs of these engines before any of them is started, and before their services are, which may hold memory longer than their
 * engine. Disposed of when all have ended: waits until each GPU has as little memory in use as then; if it never has, says who holds it.
 */
export async function gpuMemoryBefore(engines: readonly OnGpus[], watch: GpuMemoryWatch): Promise<AsyncDisposable> {
  for (const message of await gpuMemoryLacking(engines, watch.place)) watch.tell({ kind: "warning", message });
  for (const message of unchecked(engines)) watch.tell({ kind: "warning", message });
  const looked = await Promise.all(
    [...byGpu(engines)].map(async ([gpu, engines]) => {
      const names = engines.map(({ name }) => name);
      return { gpu, names, before: await watch.place.gpuMemory?.used([gpu]) };
    }),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(looked.map(async (one) => givenBack(one, watch)));
    },
  };
}

/** Said once for all parts of GPUs (MIG): the driver has no counter for them, so nothing is known of their memory. */
function unchecked(engines: readonly OnGpus[]): readonly string[] {
  const parts = [...byGpu(engines)].filter(([gpu]) => gpu.startsWith("MIG-"));
  if (parts.length === 0) return [];
  const names = [...new Set(parts.flatMap(([, on]) => on.map(({ name }) => name)))].join(" and ");
  const which = parts.map(([gpu]) => gpu).join(", ");
  return [
    `whether the GPU memory of ${names} is free before, and given back after, is not checked: nvidia-smi has no counter for ${which}`,
  ];
}

/** An engine of a batch: the share it is to take of each of its GPUs. */
interface OnGpus {
  readonly name: string;
  readonly gpus: readonly string[];
  readonly engine: { readonly gpuShare: number };
}

/** Below this share somebody else's memory is not worth a word: a screen takes as much. */
const unremarkable = 0.05;

/** GPUs with less memory free than these engines, which are up at once, are to take; and who holds it. */
export async function gpuMemoryLacking(engines: readonly OnGpus[], place: Place): Promise<readonly string[]> {
  if (engines.every(({ gpus }) => gpus.length === 0)) return [];
  const here = new Map((await place.gpus()).map(({ id, memoryMib }) => [id, memoryMib]));
  const looks = [...byGpu(engines)].map(async ([gpu, engines]) => {
    const total = here.get(gpu);
    const used = total === undefined ? undefined : await place.gpuMemory?.used([gpu]);
    const share = engines.reduce((sum, { engine }) => sum + engine.gpuShare, 0);
    if (total === undefined || used === undefined || used <= Math.max(1 - share, unremarkable) * total) return [];
    const [names, are] = [engines.map(({ name }) => name).join(" and "), engines.length === 1 ? "is" : "are"];
    const free = `GPU ${gpu} has ${total - used} of ${total} MiB free, less than the ${Math.round(share * 100)} % that ${names} ${are} to take`;
    return [`${free}: the rest is held by ${named((await place.gpuMemory?.holders([gpu])) ?? [])}`];
  });
  return (await Promise.all(looks)).flat();
}

function byGpu(engines: readonly OnGpus[]): ReadonlyMap<string, readonly OnGpus[]> {
  const gpus = [...new Set(engines.flatMap(({ gpus }) => gpus))];
  return new Map(gpus.map((gpu) => [gpu, engines.filter((engine) => engine.gpus.includes(gpu))]));
}

function named(holders: readonly string[]): string {
  return holders.length === 0 ? "no living process that nvidia-smi knows of" : holders.join("; ");
}

interface Looked {
  readonly gpu: string;
  /** Of the engines that were started on it. */
  readonly names: readonly string[];
  readonly before: number | undefined;
}

async function givenBack({ gpu, names, before }: Looked, { place, tell, within = patience }: GpuMemoryWatch): Promise<void> {
  if (before === undefined) return;
  const began = performance.now();
  for (;;) {
    const used = await place.gpuMemory?.used([gpu]);
    if (used === undefined || used <= before + slackMib) return;
    const waited = (performance.now() - began) / 1_000;
    const holders = waited > within ? ((await place.gpuMemory?.holders([gpu])) ?? []) : [];
    if (waited > (holders.length === 0 ? longerForTheEnding * within : within)) {
      const [were, they] = names.length === 1 ? ["was", "it and its"] : ["were", "they and their"];
      const more = `${used - before} MiB more are in use on GPU ${gpu} than before ${names.join(" and ")} ${were} started`;
      const after = `${waited.toFixed(waited < 10 ? 1 : 0)} s after ${they} services have ended`;
      tell({ kind: "warning", message: `${more}, ${after}: held by ${named(holders)}` });
      return;
    }
    await pause(250);
  }
}
