import type { Clock } from "../model/host.ts";
import type { Probe } from "../model/record.ts";
import type { Place } from "../model/running.ts";
import { hostLoad } from "../probes/hostLoad.ts";
import { nvidiaSmi } from "../probes/nvidiaSmi.ts";

/** Probes of a real run: this machine always, GPUs where there are some. The load threads watch themselves. */
export async function probesFor(clock: Clock, place: Place): Promise<readonly Probe[]> {
  const gpus = await place.gpus();
  return [hostLoad(clock), ...(gpus.length > 0 ? [nvidiaSmi(clock)] : [])];
}
