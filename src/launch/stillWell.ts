import { setTimeout as pause } from "node:timers/promises";

import type { RunningEngine } from "../model/running.ts";
import { askEngine } from "./ask.ts";
import { reason } from "./readiness.ts";

/** vLLM whose core was killed goes on for 1 to 7 s, in which its health is an error, and then ends (docs/real-runs/kills.md). */
const longestDying = 10_000;

/**
 * Resolves at once for an engine that says that it is well, or takes its time to say so. One of ours that answers with an error, or no longer
 * takes connections, is about to end and is waited for, so that its end is told and its cause, and not only what its last requests came to;
 * where it does not end, we go on.
 */
export async function untilWellOrDead(running: RunningEngine, stop: AbortSignal): Promise<void> {
  const { reach, died } = running;
  const { launch } = running.engine;
  if (reach.kind === "line" || launch.kind === "inProcess" || launch.kind === "attached") return;
  const isUnwell = await askEngine(running, { path: launch.ready.path, within: 2, signal: stop }).then(
    ({ status }) => status !== 200,
    (error: unknown) => /^ECONN|closed the connection/.test(reason(error)),
  );
  if (!isUnwell) return;
  const waited = new AbortController();
  await Promise.race([died, pause(longestDying, undefined, { signal: AbortSignal.any([stop, waited.signal]) }).catch(() => {})]);
  waited.abort();
}
