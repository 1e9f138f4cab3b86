import type { Clock } from "../model/host.ts";
import type { Probe } from "../model/record.ts";
import type { Place } from "../model/running.ts";
import { eventLoop } from "../probes/eventLoop.ts";
import { hostLoad } from "../probes/hostLoad.ts";
import { nvidiaSmi } from "../probes/nvidiaSmi.ts";

/** Probes of a real run: ourselves always, GPUs where there are some. */
export async function probesFor(clock: Clock, place: Place): Promise<readonly Probe[]> {
  const gpus = await place.gpus();
  return [eventLoop(clock), hostLoad(clock), ...(gpus.length > 0 ? [nvidiaSmi(clock)] : [])];
}
