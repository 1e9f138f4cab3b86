import { setTimeout as pause } from "node:timers/promises";

import type { Place } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";

/** A driver gives memory back within a second of the last process's end, as seen; this is the bound. */
const patience: Seconds = 10;

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
export async function gpuMemoryBefore(
  engines: readonly { readonly name: string; readonly gpus: readonly string[] }[],
  watch: GpuMemoryWatch,
): Promise<AsyncDisposable> {
  const gpus = [...new Set(engines.flatMap(({ gpus }) => gpus))];
  const looked = await Promise.all(
    gpus.map(async (gpu) => {
      const names = engines.filter((engine) => engine.gpus.includes(gpu)).map(({ name }) => name);
      return { gpu, names, before: await watch.place.gpuMemory?.used([gpu]) };
    }),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(looked.map(async (one) => givenBack(one, watch)));
    },
  };
}

interface Looked {
  readonly gpu: string;
  /** Of the engines that were started on it. */
  readonly names: readonly string[];
  readonly before: number | undefined;
}

async function givenBack({ gpu, names, before }: Looked, { place, tell, within = patience }: GpuMemoryWatch): Promise<void> {
  if (before === undefined) return;
  const giveUp = performance.now() + within * 1_000;
  for (;;) {
    const used = await place.gpuMemory?.used([gpu]);
    if (used === undefined || used <= before + slackMib) return;
    if (performance.now() > giveUp) {
      const holders = (await place.gpuMemory?.holders([gpu])) ?? [];
      const who = holders.length === 0 ? "no process that nvidia-smi knows of" : holders.join("; ");
      const [were, they] = names.length === 1 ? ["was", "it and its"] : ["were", "they and their"];
      const more = `${used - before} MiB more are in use on GPU ${gpu} than before ${names.join(" and ")} ${were} started`;
      tell({ kind: "warning", message: `${more}, ${within} s after ${they} services have ended: held by ${who}` });
      return;
    }
    await pause(250);
  }
}
