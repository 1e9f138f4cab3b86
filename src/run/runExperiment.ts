import type { JournalWriter } from "../journal/write.ts";
import { drive } from "../load/drive.ts";
import { httpLine } from "../load/httpLine.ts";
import type { Phase } from "../load/phase.ts";
import { Tally } from "../load/tally.ts";
import { untilWellOrDead } from "../launch/stillWell.ts";
import type { Line } from "../model/exchange.ts";
import type { Clock } from "../model/host.ts";
import type { Probe, Reading } from "../model/record.ts";
import type { RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import { engineMetrics } from "../probes/engineMetrics.ts";
import type { Calibration } from "./calibration.ts";
import type { LoadCrew } from "./loadCrew.ts";
import type { LoadOrder, Way } from "./loadMessages.ts";
import { lasts, phasesOf, type PlannedBlock, type PlannedExperiment } from "./planExperiments.ts";

export interface PlayOptions {
  readonly clock: Clock;
  readonly journal: JournalWriter;
  readonly tell: (event: RunEvent) => void;
  readonly probes: readonly Probe[];
  /** Plays what goes over sockets; undefined in virtual time. */
  readonly crew?: LoadCrew;
  /** First interruption: stop sending, drain, dispose. */
  readonly stop: AbortSignal;
  /** Second: end open streams now. */
  readonly kill: AbortSignal;
}

export interface ExperimentOptions extends PlayOptions {
  readonly calibration: Calibration | undefined;
  /** Brings every engine's caches into the state that the experiment, or one of its later blocks, asks for. */
  readonly bring: (block: PlannedBlock) => Promise<void>;
  /** Engines whose replies are kept whole. */
  readonly keepsText: Pick<ReadonlySet<string>, "has">;
  /** Of this test's services and health, beside those of the run. */
  readonly ofTest: readonly Probe[];
}

/** Plays one experiment on engines that are up, with everything that is read beside it. */
export async function runExperiment(
  index: number,
  planned: PlannedExperiment,
  running: readonly RunningEngine[],
  lines: Readonly<Record<string, Line>>,
  options: ExperimentOptions,
): Promise<void> {
  const { clock, journal, tell, calibration, bring, ofTest } = options;
  const names = running.map(({ name }) => name);
  const phases = phasesOf(planned, names);
  await bring(planned);
  tell({
    kind: "experimentStarted",
    experiment: index,
    title: planned.experiment.title,
    order: planned.order,
    engines: names,
    requests: phases.reduce((sum, phase) => sum + phase.length, 0),
    ...lastsAsKnown(phases),
  });
  const from = clock.now();
  const probes = [...options.probes, ...running.flatMap((engine) => engineMetrics(clock, engine)), ...ofTest];
  const stopProbes = await startProbes(probes, (reading) => journal.reading(index, reading));
  const endControl = calibration?.during(index);
  try {
    for (const { block, together } of betweenBringing(phases, planned)) {
      if (block !== undefined) await bring(block);
      const what = { experiment: index, phases: together, deadlines: planned.experiment.deadlines };
      await play(what, running, lines, { ...options, asText: planned.asText });
    }
  } finally {
    await endControl?.();
    await stopProbes();
    const took = toSeconds(clock.now() - from);
    // Before it is told as over: an end that this waits for is of this experiment.
    await Promise.all(running.map(async (engine) => untilWellOrDead(engine, options.stop)));
    tell({ kind: "experimentEnded", experiment: index, took });
  }
}

export interface WayOptions {
  /** Prompts go as text, also where the engine takes token ids. */
  readonly asText?: boolean;
  readonly keepsText?: boolean;
}

/** A line of the main thread's own, for what is not measured: a connection that is open ahead, or left open, may be one less for whoever is. */
export function lineTo(running: RunningEngine, clock: Clock, connectWithin: Seconds, options: WayOptions = {}): Line {
  return running.reach.kind === "line"
    ? running.reach.line
    : httpLine({ ...wayTo(running, options), clock, connectWithin, opensAtMost: 0 });
}

function wayTo({ reach, engine, servedModel }: RunningEngine, { asText = false, keepsText = false }: WayOptions): Way {
  if (reach.kind === "line") throw new Error(`${engine.kind} is in this very process: there is no way to it`);
  const wire = asText ? { ...engine.wire, takesTokenIds: false } : engine.wire;
  return { url: reach.url, wire, servedModel, acceptAnyCertificate: reach.acceptAnyCertificate, keepsText };
}

function lastsAsKnown(phases: readonly Phase[]): { readonly lasts?: Seconds } {
  const known = lasts(phases);
  return known === undefined ? {} : { lasts: known };
}

/** Over sockets by the load threads; in this thread where an engine is in this very process. */
async function play(
  what: Pick<LoadOrder, "experiment" | "phases" | "deadlines">,
  running: readonly RunningEngine[],
  lines: Readonly<Record<string, Line>>,
  options: PlayOptions & Pick<ExperimentOptions, "keepsText"> & Pick<PlannedExperiment, "asText">,
): Promise<void> {
  const { crew, clock, journal, tell, stop, kill, keepsText, asText } = options;
  if (crew === undefined || running.some(({ reach }) => reach.kind === "line")) {
    const tally = new Tally(what.experiment, tell);
    await drive({ ...what, lines, clock, recorder: journal, tally, signal: stop, kill, keepText: false });
    tally.pass();
    return;
  }
  const ways = Object.fromEntries(running.map((engine) => [engine.name, wayTo(engine, { asText, keepsText: keepsText.has(engine.name) })]));
  const reading = (of: Reading) => journal.reading(what.experiment, of);
  await crew.play({ ...what, ways, record: "journal" }, { tell, reading, stop, kill });
}

/** What is played without a break. Caches that must be empty, or have a block's contexts, are brought there before each later `block`. */
function betweenBringing(
  phases: readonly Phase[],
  { experiment, laterBlocks }: PlannedExperiment,
): readonly { readonly block: PlannedBlock | undefined; readonly together: readonly Phase[] }[] {
  const { cacheState = "asItIs" } = experiment;
  if (cacheState === "asItIs") return [{ block: undefined, together: phases }];
  const byBlock = Map.groupBy(phases, (phase) => phase[0]?.block ?? 0);
  return [...byBlock].map(([number, together]) => ({ block: laterBlocks[number - 1], together }));
}

async function startProbes(probes: readonly Probe[], read: Parameters<Probe["start"]>[0]): Promise<() => Promise<void>> {
  await Promise.all(probes.map(async (probe) => probe.start(read)));
  return async () => {
    await Promise.all(probes.map(async (probe) => probe.stop()));
  };
}
