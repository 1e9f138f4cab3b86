import { virtualClock } from "../host/virtualClock.ts";
import { simulated } from "../engines/simulated.ts";
import { describeLauncher } from "../launch/describeLauncher.ts";
import type { Engine } from "../model/engine.ts";
import { inProcess } from "./inProcess.ts";

function virtual(engine: Engine): Engine {
  const simulation = engine.simulation?.("h100", { configFiles: {} });
  if (simulation === undefined) throw new TypeError("a simulated engine has its simulation");
  return { ...engine, launch: { kind: "inProcess", simulation } };
}

describeLauncher("in this process", () => ({
  launcher: inProcess,
  order: (change = {}) => ({
    name: "plain",
    engine: virtual(simulated()),
    slot: { port: 0, gpus: [], directory: "." },
    world: { configFiles: {} },
    logDirectory: ".",
    clock: virtualClock(),
    tell: () => {},
    signal: new AbortController().signal,
    ...change,
  }),
  [Symbol.asyncDispose]: async () => {},
}));
