import { setTimeout as pause } from "node:timers/promises";

import type { RunningEngine } from "../model/running.ts";
import type { Seconds } from "../model/time.ts";
import { ask } from "./ask.ts";

/** vLLM whose core was killed goes on for 1 to 7 s, in which its health is an error, and then ends (docs/real-runs/kills.md). */
const longestDying: Seconds = 10;

/**
 * Resolves at once for an engine that says that it is well. One of ours that does not is about to end and is waited for, so that its end is
 * told and its cause, and not only what its last requests came to.
 */
export async function untilWellOrDead({ reach, engine: { launch, wire }, died }: RunningEngine, within = longestDying): Promise<void> {
  if (reach.kind === "line" || launch.kind === "inProcess" || launch.kind === "attached") return;
  const { url, acceptAnyCertificate } = reach;
  const server = { url, acceptAnyCertificate, ...(wire.apiKey === undefined ? {} : { apiKey: wire.apiKey }) };
  const isWell = await ask(server, { path: launch.ready.path, within: 2 }).then(
    ({ status }) => status === 200,
    () => false,
  );
  if (isWell) return;
  const giveUp = new AbortController();
  await Promise.race([died, pause(within * 1_000, undefined, { signal: giveUp.signal })]);
  giveUp.abort();
}
