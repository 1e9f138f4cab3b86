import { setTimeout as pause } from "node:timers/promises";

import type { LaunchOrder, Place } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";

/** A driver gives memory back within a second of the last process's end, as seen; this is the bound. */
const patience: Seconds = 10;

/** What the driver itself may keep. */
const slackMib = 100;

/** Waits until an engine's GPUs have as little memory in use as before it was started; if they never have, says who holds it. */
export async function gpuMemoryGivenBack(
  place: Place,
  { name, slot, tell }: Pick<LaunchOrder, "name" | "slot" | "tell">,
  before: number | undefined,
  within: Seconds = patience,
): Promise<void> {
  if (before === undefined) return;
  const giveUp = performance.now() + within * 1_000;
  for (;;) {
    const used = await place.gpuMemory?.used(slot.gpus);
    if (used === undefined || used <= before + slackMib) return;
    if (performance.now() > giveUp) {
      const holders = (await place.gpuMemory?.holders(slot.gpus)) ?? [];
      const who = holders.length === 0 ? "no process that nvidia-smi knows of" : holders.join("; ");
      const gpus = `GPU ${slot.gpus.join(", ")}`;
      const more = `${used - before} MiB more are in use on ${gpus} than before engine ${name} was started`;
      tell({ kind: "warning", message: `${more}, ${within} s after it has ended: held by ${who}` });
      return;
    }
    await pause(250);
  }
}
