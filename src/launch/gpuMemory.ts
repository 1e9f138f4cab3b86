import { gpuMemoryBack, heldBy } from "../host/gpuMemoryBack.ts";
import { grouped } from "../model/grouped.ts";
import type { GpuBefore, Place } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";

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
  for (const { message } of await gpuMemoryLacking(engines, watch.place)) watch.tell({ kind: "warning", message });
  for (const message of unchecked(engines)) watch.tell({ kind: "warning", message });
  const looked = (await Promise.all([...byGpu(engines)].map(async ([gpu, engines]) => usedBefore(gpu, engines, watch.place)))).flat();
  watch.place.afterUs?.gpuMemory(looked);
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(looked.map(async (one) => givenBack(one, watch)));
      watch.place.afterUs?.gpuMemory([]);
    },
  };
}

/** Nothing where the driver does not tell. */
async function usedBefore(gpu: string, engines: readonly OnGpus[], { gpuMemory }: Place): Promise<readonly GpuBefore[]> {
  const mib = await gpuMemory?.used([gpu]);
  return mib === undefined ? [] : [{ gpu, names: engines.map(({ name }) => name), mib }];
}

async function givenBack(before: GpuBefore, { place: { gpuMemory }, tell, within }: GpuMemoryWatch): Promise<void> {
  const back = gpuMemory === undefined ? undefined : await gpuMemoryBack(before, gpuMemory, within);
  if (back?.kind === "held") tell({ kind: "warning", message: back.message });
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
  readonly engine: { readonly gpuShare: number; readonly needsItsShare?: boolean };
}

/** A GPU with less memory free than the engines on it are to take, which are up at once. */
export interface Lacking {
  /** With who holds the rest. */
  readonly message: string;
  /** Those that will not boot for it. */
  readonly stopped: readonly string[];
}

/** Below this share somebody else's memory is not worth a word: a screen takes as much. */
const unremarkable = 0.05;

/** By so much of it a driver and an engine may count a GPU's memory otherwise. */
const countedOtherwise = 0.01;

/** Of each GPU of these engines; nothing of one whose driver does not tell. */
export async function gpuMemoryLacking(engines: readonly OnGpus[], place: Place): Promise<readonly Lacking[]> {
  if (engines.every(({ gpus }) => gpus.length === 0)) return [];
  const here = new Map((await place.gpus()).map(({ id, memoryMib }) => [id, memoryMib]));
  const looks = [...byGpu(engines)].map(async ([gpu, engines]) => {
    const total = here.get(gpu);
    const used = total === undefined ? undefined : await place.gpuMemory?.used([gpu]);
    const share = engines.reduce((sum, { engine }) => sum + engine.gpuShare, 0);
    if (total === undefined || used === undefined || used <= Math.max(1 - share, unremarkable) * total) return [];
    const [names, are] = [engines.map(({ name }) => name).join(" and "), engines.length === 1 ? "is" : "are"];
    const free = `GPU ${gpu} has ${grouped(total - used)} of ${grouped(total)} MiB free, less than the ${Math.round(share * 100)} % that ${names} ${are} to take`;
    const stopped = engines.filter(
      ({ engine }) => engine.needsItsShare === true && (engine.gpuShare - countedOtherwise) * total > total - used,
    );
    const message = `${free}: the rest is held by ${heldBy((await place.gpuMemory?.holders([gpu])) ?? [])}`;
    return [{ message, stopped: stopped.map(({ name }) => name) }];
  });
  return (await Promise.all(looks)).flat();
}

function byGpu(engines: readonly OnGpus[]): ReadonlyMap<string, readonly OnGpus[]> {
  const gpus = [...new Set(engines.flatMap(({ gpus }) => gpus))];
  return new Map(gpus.map((gpu) => [gpu, engines.filter((engine) => engine.gpus.includes(gpu))]));
}
