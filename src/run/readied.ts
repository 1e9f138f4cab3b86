import type { World } from "../model/engine.ts";
import type { EngineProof } from "../model/proof.ts";
import type { Request } from "../model/request.ts";
import type { RunningEngine } from "../model/running.ts";
import { limitOf } from "./contextLimit.ts";
import type { OwnLines } from "./ownLines.ts";
import type { PlannedExperiment } from "./planExperiments.ts";
import { proveAll } from "./proof.ts";
import { lengthWarning, textWarning, tokenSources, type TokenSourcesOf } from "./tokenSources.ts";
import { warmUp, type WarmingUp } from "./warmUp.ts";

export interface ReadyingOptions extends Omit<WarmingUp, "contextLimit"> {
  /** That every engine is asked, to see whether its cache changes what it says. */
  readonly prompts: readonly Request[];
}

/** What was found out of engines before anything is measured. */
export interface Readied {
  readonly tokens: TokenSourcesOf;
  readonly proofs: readonly EngineProof[];
}

/** Between boot and first measured request: engines are warmed up, asked who counts their tokens, and proven to be what was asked for. */
export async function readied(
  engines: readonly RunningEngine[],
  worlds: Readonly<Record<string, World>>,
  experiments: readonly PlannedExperiment[],
  lines: OwnLines,
  options: ReadyingOptions,
): Promise<Readied> {
  const { stop, tell, prompts } = options;
  const usage = await warmUp(lines.usual, { ...options, contextLimit: Math.min(...engines.map(limitOf)) });
  const tokens = await tokenSources(engines, usage, stop);
  for (const engine of engines) {
    const sources = tokens.get(engine.name);
    const ofText = await textWarning(engine, sources, experiments, stop);
    for (const message of [lengthWarning(engine, sources, experiments), ofText]) {
      if (message !== undefined) tell({ kind: "warning", message });
    }
  }
  return { tokens, proofs: await proveAll(engines, worlds, lines.askers(false, stop), { tell, prompts, tokens }) };
}
