import { mkdirSync } from "node:fs";
import { resolve } from "node:path";

import { engineDirectory } from "../journal/paths.ts";
import type { SlottedService } from "../launch/neededServices.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { EngineDescription } from "../model/result.ts";
import type { LaunchOrder, Place, RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { isContained, isStarted } from "../model/startedLaunch.ts";
import { launchers } from "./launchers.ts";
import { describeEngine } from "./describePlan.ts";
import type { PlannedEngine } from "./planEngines.ts";
import { servicesOf } from "./services.ts";

export interface LaunchOneOptions extends Pick<LaunchOrder, "clock" | "tell"> {
  readonly place: Place;
  /** The test's own directory in the run. */
  readonly directory: string;
  readonly stop: AbortSignal;
  /** Told before it boots what it is started with. */
  readonly described: (engine: EngineDescription) => void;
}

/** Boots an engine in a slot that is made for it. */
export async function launchOne(
  engine: PlannedEngine,
  services: readonly SlottedService[],
  options: LaunchOneOptions,
): Promise<RunningEngine> {
  const logDirectory = engineDirectory(options.directory, engine.name);
  // Absolute: the engine runs in it, and is told paths in it.
  const scratch = resolve(logDirectory, "scratch");
  mkdirSync(scratch, { recursive: true });
  using kept = new DisposableStack();
  const { launch } = engine.engine;
  const temporary = isStarted(launch) && !isContained(launch) ? kept.use(options.place.temporaryDirectory?.()) : undefined;
  const slot = {
    port: engine.port ?? (await options.place.freePort()),
    gpus: engine.gpus,
    directory: scratch,
    ...(temporary === undefined ? {} : { temporary: temporary.path }),
    ...servicesOf(engine, services),
  };
  options.described(describeEngine(engine, { slot, place: options.place }));
  const launcher = launchers(options.place)[launch.kind];
  const { name, world } = engine;
  const { clock, stop } = options;
  let isTold = false;
  const tell = (event: RunEvent) => {
    isTold ||= event.kind === "notUp";
    options.tell(event);
  };
  const order = { name, engine: engine.engine, slot, world, logDirectory, clock, tell, signal: stop };
  try {
    return until(await launcher.launch(order), kept.move());
  } catch (error) {
    if (error instanceof HarnessError && !isTold) tell({ kind: "notUp", engine: name, message: error.message });
    throw error;
  }
}

/** What it needs goes when it has ended. */
function until(engine: RunningEngine, kept: Disposable): RunningEngine {
  const dispose = async () => {
    await engine[Symbol.asyncDispose]();
    kept[Symbol.dispose]();
  };
  return { ...engine, [Symbol.asyncDispose]: dispose };
}
