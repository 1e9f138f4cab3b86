import type { Engine } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { isStarted } from "../model/startedLaunch.ts";

/** What an engine gets of the machine, decided before anything boots. */
export interface Assignment {
  /** Engines of one batch are up at the same time; batches run one after the other. */
  readonly batch: number;
  /** Empty for an engine that needs none, and where there are too few: booting it is then an error. */
  readonly gpus: readonly string[];
  /** Undefined takes a free one at the start, or has no need of one. */
  readonly port: number | undefined;
}

/** What engines on one GPU may take of its memory together. */
export const fullGpu = 0.95;

/**
 * Which engines can be up at once, and on which GPUs: each in the first batch with room for it, on that batch's emptiest GPUs.
 * Asked ports go to the engines we start, in the order of their declaration.
 */
export function assignSlots(
  engines: readonly { readonly name: string; readonly engine: Engine }[],
  gpusHere: readonly string[],
  ports: readonly number[],
): readonly Assignment[] {
  refuseSharedPorts(ports);
  const batches: Map<string, number>[] = [];
  const free = [...ports];
  return engines.map(({ engine }) => {
    const { gpus: wanted = 0 } = engine;
    const port = isStarted(engine.launch) ? free.shift() : undefined;
    const needed = wanted > gpusHere.length ? 0 : wanted;
    return { ...place(engine, needed, gpusHere, batches), port };
  });
}

/** Shares in use, by GPU, of each batch: `batches` grows by one where none has room. */
function place(
  { gpuShare }: Engine,
  needed: number,
  gpusHere: readonly string[],
  batches: Map<string, number>[],
): Pick<Assignment, "batch" | "gpus"> {
  for (let batch = 0; ; batch++) {
    const used = (batches[batch] ??= new Map(gpusHere.map((gpu) => [gpu, 0])));
    const fitting = [...used].filter(([, share]) => share === 0 || share + gpuShare <= fullGpu + rounding);
    if (fitting.length < needed) continue;
    const gpus = fitting
      .sort(([, one], [, other]) => one - other)
      .slice(0, needed)
      .map(([gpu]) => gpu);
    for (const gpu of gpus) used.set(gpu, (used.get(gpu) ?? 0) + gpuShare);
    return { batch, gpus };
  }
}

// 0.5 + 0.45 must not fail by the last binary digit.
const rounding = 1e-9;

function refuseSharedPorts(ports: readonly number[]): void {
  const twice = ports.find((port, index) => ports.indexOf(port) !== index);
  if (twice === undefined) return;
  throw new HarnessError("usage", `port ${twice} is asked for twice`, { hint: "-p takes one port for each engine: -p 8000 8001" });
}
