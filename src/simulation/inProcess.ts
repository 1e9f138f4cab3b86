import { grouped } from "../model/grouped.ts";
import type { Launcher, LaunchOrder, RunningEngine } from "../model/running.ts";
import { simulatedCore } from "./core.ts";
import { virtualLine } from "./virtualLine.ts";

/** Simulated engines in this very process, on the run's own clock: for `--simulate`. They are up at once. */
export const inProcess: Launcher = {
  kind: "inProcess",
  started: () => undefined,
  // A function of promises, so that an unknown model is a rejection like every other failed launch.
  launch: async (order) => runningInProcess(order),
};

function runningInProcess({ name, engine, clock, tell }: LaunchOrder): RunningEngine {
  if (engine.launch.kind !== "inProcess") throw new TypeError(`the in-process launcher was given an engine of kind ${engine.launch.kind}`);
  const core = simulatedCore(engine.launch.simulation, clock);
  const facts = { gpu: core.gpu.name, "KV blocks": grouped(core.kvBlocks) };
  tell({ kind: "ready", engine: name, after: 0, url: "in this process", facts });
  return {
    name,
    engine,
    reach: { kind: "line", line: virtualLine(core, clock) },
    facts,
    servedModel: engine.model,
    resetCaches: (which) => core.resetCaches({ cpu: which === "all" }),
    died: new Promise(() => undefined),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
