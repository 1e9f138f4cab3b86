import type { Verdict } from "./figures.ts";
import type { CachesBefore, Deadlines, Order, Slo } from "./experiment.ts";
import type { LimitChanges } from "./limits.ts";
import type { EngineProof } from "./proof.ts";
import type { Reading, RequestRecord } from "./record.ts";
import type { RunEvent } from "./runEvent.ts";
import type { Nanoseconds, Seconds } from "./time.ts";
import type { Arrivals, Options } from "./workload.ts";

/** Everything a report may say of an engine without having run it; secrets are already masked. Stored in test.json. */
export interface EngineDescription {
  readonly name: string;
  readonly kind: string;
  readonly model: string;
  readonly simulated: boolean;
  readonly features: readonly string[];
  readonly gpus: readonly string[];
  /** The command line as it was run, program first; missing for attached engines. */
  readonly command?: readonly string[];
  /** What was added to, and what was removed from, the harness's own environment. */
  readonly environment?: { readonly added: Readonly<Record<string, string>>; readonly removed: readonly string[] };
  readonly url?: string;
  readonly api?: "chat" | "completions";
  /** Each request tells it how long the answer has to be, and not only how long it may be. */
  readonly lengths?: "fixed";
  /** Engines of one batch are up at the same time; batches run one after the other. */
  readonly batch: number;
}

/** A side process of a test; secrets are already masked. Stored in test.json. */
export interface ServiceDescription {
  readonly name: string;
  readonly kind: string;
  /** Engines that need it. */
  readonly engines: readonly string[];
  /** The command line as it was run, program first; missing where it was running already. */
  readonly command?: readonly string[];
  readonly environment?: { readonly added: Readonly<Record<string, string>>; readonly removed: readonly string[] };
  /** host:port for each of its ports, by name. */
  readonly addresses: Readonly<Record<string, string>>;
}

export interface WorkloadDescription {
  readonly kind: string;
  readonly options: Options;
  /** Of the first block's requests. */
  readonly hash?: string;
  /** In each block. */
  readonly requests: number;
  /** The hashes of the others, each with a file of its own. Missing where there are none: every block then sent the requests of the first. */
  readonly laterBlocks?: readonly string[];
}

export interface ExperimentDescription {
  readonly title: string;
  readonly workload: WorkloadDescription;
  readonly arrivals: Pick<Arrivals, "kind" | "phrase"> & { readonly options: Options };
  /** They cannot go as token ids, not even to engines that take them. */
  readonly prompts?: "text";
  readonly order?: Order;
  readonly repeats: number;
  readonly seed?: number;
  readonly deadlines?: Deadlines;
  /** As it is unless said. */
  readonly cacheState?: CachesBefore;
  /** The usual ones unless said. */
  readonly limits?: LimitChanges;
  /** The smallest difference anyone would act on; 5 % unless said. */
  readonly margin?: number;
  /** Of each request; there is no goodput unless said. */
  readonly slo?: Slo;
  /** Engines that had more of its prompts, from tests of this run before, than others of it; missing where all had alike. */
  readonly askedBefore?: readonly string[];
}

/** What a test was asked to do: written before anything boots. */
export interface TestDescription {
  readonly schema: 1;
  readonly test: string;
  /** The organisation of `-m org/name`, when given: part of file names, as in lmcache-tests. */
  readonly organisation?: string;
  readonly summary?: string;
  readonly simulated: boolean;
  readonly baseline?: string;
  /** Whether the harness's own error was measured: "off" by --no-calibration, "virtual" where nothing was measured at all. */
  readonly calibration?: "on" | "off" | "virtual";
  readonly engines: readonly EngineDescription[];
  /** Names of engines that are one and the same by their author: what they differ by is what an engine differs by from itself. */
  readonly alike?: readonly (readonly string[])[];
  readonly services?: readonly ServiceDescription[];
  readonly experiments: readonly ExperimentDescription[];
  /** It has checks, which are evaluated after each experiment. */
  readonly checks?: true;
}

/** Of the whole invocation: the only file with wall time, host and versions in it. run.json */
export interface RunManifest {
  readonly schema: 1;
  readonly tandem: string;
  readonly startedAt: string;
  readonly commandLine: readonly string[];
  /** That were asked for and have something to run; all but the `blocked` are run, one after the other. Older ones lack those. */
  readonly tests?: readonly string[];
  /** Those of `tests` of which it was known beforehand that they cannot be run here. */
  readonly blocked?: readonly BlockedTest[];
  /** Test functions that had nothing to run: they returned []. */
  readonly skipped?: readonly string[];
  /** As in each test's description. */
  readonly organisation?: string;
  readonly host: Readonly<Record<string, string>>;
  readonly simulated: boolean;
  /** Made with --fail-on worse: a comparison that says so is a failure of its. */
  readonly failOn?: "worse";
  /** Who makes the run, so that it is known whether it still goes on; `startedAt` as the system tells it, since pids are used again. */
  readonly process?: { readonly pid: number; readonly startedAt: string };
}

export interface BlockedTest {
  readonly test: string;
  /** As its description would say. */
  readonly simulated: boolean;
  /** All that was in its way, with what to do about it; secrets are already masked. */
  readonly why: string;
  readonly exitCode: number;
}

export interface ExperimentResult {
  readonly index: number;
  readonly description: ExperimentDescription;
  /** Every request that was due, one record per engine, block and request. */
  readonly records: readonly RequestRecord[];
  /** Requests of the schedule that never fell due, because the run ended before. */
  readonly neverDue: number;
  readonly readings: readonly Reading[];
  /** On the run's clock: what each engine's stamps of a block count from; the start of `span` where they are missing. */
  readonly starts?: readonly { readonly engine: string; readonly block: number; readonly at: Nanoseconds }[];
  /** First start to last end, on the run's clock. */
  readonly span?: { readonly from: Nanoseconds; readonly to: Nanoseconds };
}

export interface TimedEvent {
  readonly at: Nanoseconds;
  readonly event: RunEvent;
}

/** One test of a run, as read from its journal: the only input of reports. */
export interface TestResult {
  readonly description: TestDescription;
  readonly manifest: RunManifest;
  readonly experiments: readonly ExperimentResult[];
  readonly events: readonly TimedEvent[];
  readonly verdicts: readonly Verdict[];
  /** What each running engine told of itself, by engine name. */
  readonly facts: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Whether each engine was what was asked for, as often as it was looked at. */
  readonly proofs?: readonly EngineProof[];
  /** False when the run was cut off before it could say it had ended. */
  readonly complete: boolean;
  /** Files of a journal that was written to its end, and lacks it now: rows are missing. */
  readonly damaged?: readonly string[];
  /** True when it had not ended because its run was still going on as it was read. */
  readonly stillRunning?: boolean;
  /** "from response headers" for CSV files of lmcache-tests; otherwise our own definition. */
  readonly ttftAnchor: "sent" | "headers";
  /** True of a CSV: it has the first and the last token of a request, and nothing of those between. */
  readonly gapsUnknown?: boolean;
  readonly lasted?: Seconds;
}
