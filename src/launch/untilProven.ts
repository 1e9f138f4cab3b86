import { setTimeout as pause } from "node:timers/promises";

import type { Readiness } from "../model/engine.ts";
import type { LaunchOrder } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";
import { isListening, type Server } from "./ask.ts";
import { isLate, standing, type Standing } from "./readiness.ts";

/** What a launcher of its own engines watches while one boots. */
export interface Booting {
  readonly order: LaunchOrder;
  readonly server: Server;
  readonly ready: Readiness;
  /** Called in every round: who is seen while it boots is known even if it is alone afterwards. */
  readonly look?: () => void;
  /** Whether the one we started has the port. Throws when a stranger has it. */
  readonly isOurs: () => Promise<boolean>;
  /** What it is when something answers that is not ours: "not of its process tree". */
  readonly foreign: string;
  readonly signal: AbortSignal;
}

/** A completion that was given less and was not answered tells nothing of the engine: what was said before does. */
const shortest: Seconds = 1;

/** Asks an engine until it has answered a completion, waiting will not help, or its time is over. */
export async function untilProven(booting: Booting): Promise<Standing> {
  const { order, server, ready, look, isOurs, foreign, signal } = booting;
  const from = performance.now();
  const elapsed = () => (performance.now() - from) / 1000;
  let waitingFor = "nothing listens on its port yet";
  let hasReason = false;
  for (let owned = false; elapsed() <= ready.within;) {
    look?.();
    const listening = await isListening(server);
    owned = listening && (owned || (await isOurs()));
    if (owned) {
      const left = ready.within - elapsed();
      const asking = { readyPath: ready.path, each: 5, left, signal };
      const found = await standing(server, order.engine, asking);
      if (found.kind === "never" || (found.kind === "proven" && (await isOurs()))) return found;
      if (found.kind === "notYet" && !(hasReason && left < shortest && isLate(found.cause)))
        [hasReason, waitingFor] = [true, found.waitingFor];
    } else if (listening) waitingFor = `what answers on port ${order.slot.port} is ${foreign}`;
    // Looked at often while a fast engine may come up any moment; a slow one takes half a minute anyway.
    await pause(elapsed() < 5 ? 75 : 250, undefined, { signal });
  }
  return { kind: "notYet", waitingFor };
}
