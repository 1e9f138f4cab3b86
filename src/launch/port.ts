import { setTimeout as pause } from "node:timers/promises";

import { HarnessError } from "../model/harnessError.ts";
import type { LaunchOrder, Place, ProcessInfo } from "../model/running.ts";

/** Who else has an engine's port, as the error that ends its launch. */
export function portTaken(name: string, port: number, listeners: readonly ProcessInfo[]): HarnessError {
  const who = listeners.map(({ pid, command }) => (pid === undefined ? command : `process ${pid} (${command})`)).join(" and ");
  return new HarnessError("port-taken", `engine ${name} cannot have port ${port}: ${who} has it`, {
    hint: "end that one, choose another port with -p, or leave -p out and a free one is taken",
  });
}

/** Waits until nobody listens there any more; a port that stays in use is a warning. */
export async function portGivenBack(place: Place, { name, slot, tell }: Pick<LaunchOrder, "name" | "slot" | "tell">): Promise<void> {
  const giveUp = performance.now() + 5_000;
  while ((await place.listeners(slot.port)).length > 0) {
    if (performance.now() > giveUp) {
      tell({ kind: "warning", message: `port ${slot.port} is still in use after engine ${name} has ended` });
      return;
    }
    await pause(50);
  }
}
