import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";

import { neededServices, slotServices } from "../launch/neededServices.ts";
import { refusalOf } from "../launch/services.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Place } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { launchers } from "./launchers.ts";
import type { PlannedEngine } from "./plan.ts";

/** Before anything of a test boots: fetches what takes long, and tells together whatever is known to fail. */
export async function prepare(engines: readonly PlannedEngine[], place: Place, tell: (event: RunEvent) => void): Promise<void> {
  const mistakes: HarnessError[] = [];
  for (const { name, engine, world } of engines) {
    try {
      refuseMissingModel(name, engine);
      await launchers(place)[engine.launch.kind].prepare?.({ name, engine, world, tell });
    } catch (error) {
      if (!(error instanceof HarnessError)) throw error;
      mistakes.push(error);
    }
  }
  mistakes.push(...(await refusedServices(engines, place)));
  const [first, ...others] = mistakes;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const lines = mistakes.map(({ message, hint }) =>
    [message, ...(hint === undefined ? [] : [`  ${hint.replaceAll("\n", "\n  ")}`])].join("\n"),
  );
  throw new HarnessError(first.code, `${mistakes.length} engines or services cannot be started`, { hint: [...new Set(lines)].join("\n") });
}

async function refusedServices(engines: readonly PlannedEngine[], place: Place): Promise<readonly HarnessError[]> {
  const services = await slotServices(neededServices(engines), { freePort: async () => 1, directory: () => "/" });
  const refusals = await Promise.all(services.map(async (service) => refusalOf(service, { place })));
  return refusals.filter((refusal) => refusal !== undefined);
}

function refuseMissingModel(name: string, { model, launch }: PlannedEngine["engine"]): void {
  if ((launch.kind !== "process" && launch.kind !== "docker") || !isAbsolute(model) || existsSync(model)) return;
  throw new HarnessError("engine-missing", `engine ${name}: there is no model at ${model}`, {
    hint: "look at the path, or give the model's name on its hub: -m ORGANISATION/NAME",
  });
}
