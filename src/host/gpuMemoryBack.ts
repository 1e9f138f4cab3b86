import { setTimeout as pause } from "node:timers/promises";

import { grouped } from "../model/grouped.ts";
import type { GpuBefore, Place } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";

/** A driver gives memory back within a second of the last process's end, as seen; this is the bound where somebody living holds it. */
const patience: Seconds = 10;

/** Until then a process may be ending, so many times as long: 0.2 s for each GiB of pinned memory (LMCache's in CPU memory), as seen. */
const longerForTheEnding = 6;

/** What the driver itself may keep. */
const slackMib = 100;

export type MemoryBack =
  | { readonly kind: "back" }
  /** The driver no longer tells. */
  | { readonly kind: "unknown" }
  | { readonly kind: "held"; readonly message: string };

/** Resolves when a GPU has as little memory in use as before; where it never has, with who holds it. */
export async function gpuMemoryBack(
  { gpu, names, mib }: GpuBefore,
  look: NonNullable<Place["gpuMemory"]>,
  within: Seconds = patience,
): Promise<MemoryBack> {
  const began = performance.now();
  for (;;) {
    const used = await look.used([gpu]);
    if (used === undefined) return { kind: "unknown" };
    if (used <= mib + slackMib) return { kind: "back" };
    const waited = (performance.now() - began) / 1_000;
    const holders = waited > within ? await look.holders([gpu]) : [];
    if (waited > (holders.length === 0 ? longerForTheEnding * within : within)) {
      const [were, they] = names.length === 1 ? ["was", "it and its"] : ["were", "they and their"];
      const more = `${grouped(used - mib)} MiB more are in use on GPU ${gpu} than before ${names.join(" and ")} ${were} started`;
      const after = `${waited.toFixed(waited < 10 ? 1 : 0)} s after ${they} services have ended`;
      return { kind: "held", message: `${more}, ${after}: held by ${heldBy(holders)}` };
    }
    await pause(250);
  }
}

export function heldBy(holders: readonly string[]): string {
  return holders.length === 0 ? "no living process that nvidia-smi knows of" : holders.join("; ");
}
