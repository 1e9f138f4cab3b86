import type { SlottedService } from "../launch/neededServices.ts";
import type { RunningServices } from "../launch/services.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { RunningEngine } from "../model/running.ts";
import { launchOne, type LaunchOneOptions } from "./launchOne.ts";
import type { PlannedEngine } from "./planEngines.ts";

export interface Running extends AsyncDisposable {
  readonly engines: readonly RunningEngine[];
  /** The first engine that ended by itself, as the error that stops the test. */
  death(): HarnessError | undefined;
}

/** A service that ends while engines boot is why they do not come up, and ends their boots at once. */
export async function launchBatch(
  served: RunningServices,
  batch: readonly PlannedEngine[],
  services: readonly SlottedService[],
  options: LaunchOneOptions,
): Promise<Running> {
  try {
    return await launchAll(batch, services, { ...options, stop: AbortSignal.any([options.stop, served.over]) });
  } catch (error) {
    throw served.death() ?? error;
  }
}

/** Boots one after the other where they share a GPU (engines look at free memory while they start), else at once. */
async function launchAll(
  batch: readonly PlannedEngine[],
  services: readonly SlottedService[],
  options: LaunchOneOptions,
): Promise<Running> {
  const engines: RunningEngine[] = [];
  const dispose = async () => {
    await Promise.all(engines.map(async (engine) => engine[Symbol.asyncDispose]()));
  };
  const failed = new AbortController();
  const stop = AbortSignal.any([options.stop, failed.signal]);
  const boot = async (engine: PlannedEngine) => void engines.push(await launchOne(engine, services, { ...options, stop }));
  try {
    if (shareAGpu(batch)) for (const engine of batch) await boot(engine);
    else await allOrFirstError(batch.map(boot), failed);
  } catch (error) {
    await dispose();
    throw error;
  }
  let death: HarnessError | undefined;
  for (const engine of engines) {
    const told = (message: string) => {
      death ??= new HarnessError("engine-exited", `engine ${engine.name} ended by itself while it was measured`, { hint: message });
      options.tell({ kind: "died", engine: engine.name, message });
    };
    void engine.died.then(told);
  }
  const inOrder = batch.flatMap(({ name }) => engines.filter((engine) => engine.name === name));
  return { engines: inOrder, death: () => death, [Symbol.asyncDispose]: dispose };
}

/** The first failure ends the others: nobody waits minutes for an engine that will not be used. All are waited for, so that none is left behind. */
async function allOrFirstError(boots: readonly Promise<void>[], failed: AbortController): Promise<void> {
  const failures: unknown[] = [];
  const noted = boots.map(async (boot) =>
    boot.catch((error: unknown) => {
      failures.push(error);
      failed.abort(error);
    }),
  );
  await Promise.all(noted);
  if (failures.length > 0) throw failures[0];
}

function shareAGpu(batch: readonly PlannedEngine[]): boolean {
  const gpus = batch.flatMap((engine) => engine.gpus);
  return new Set(gpus).size < gpus.length;
}
