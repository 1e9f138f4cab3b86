import type { Command, Engine, Slot, World } from "./engine.ts";
import type { Line } from "./exchange.ts";
import type { Clock } from "./host.ts";
import type { RunEvent } from "./runEvent.ts";
import type { Seconds } from "./time.ts";

/** An engine that is up and proven to be what was asked for. Disposing it ends its whole process tree and resolves when it is gone. */
export interface RunningEngine extends AsyncDisposable {
  readonly name: string;
  readonly engine: Engine;
  /** A base URL to speak HTTP to, or a line into this very process (virtual time). */
  readonly reach:
    | { readonly kind: "http"; readonly url: string; readonly acceptAnyCertificate: boolean }
    | { readonly kind: "line"; readonly line: Line };
  /** What was found out about it, for the journal and the report: version, served model, process id. */
  readonly facts: Readonly<Record<string, string>>;
  /** Its served model, as requests must name it. */
  readonly servedModel: string;
  /** Files it prints to, where its launcher has them. */
  readonly logs?: readonly string[];
  /** Processes of its tree now, where its launcher knows them. */
  readonly pids?: () => readonly number[];
  /** Processes that may be its own, where its launcher cannot be sure of them: to be left alone, and nothing to conclude from. */
  readonly neighbours?: () => readonly number[];
  /** Who else listens on its port by now, where its launcher can tell. Asked once a second. */
  readonly strangers?: () => Promise<readonly ProcessInfo[]>;
  /** Empties its caches without HTTP, or its own memory alone; false when it could not. */
  readonly resetCaches?: (which: "all" | "own") => boolean;
  /** Resolves with the cause when it ends by itself; never after it was disposed. */
  readonly died: Promise<string>;
}

export interface LaunchOrder {
  readonly name: string;
  readonly engine: Engine;
  readonly slot: Slot;
  readonly world: World;
  /** stdout.log and stderr.log go there and stay. */
  readonly logDirectory: string;
  readonly clock: Clock;
  readonly tell: (event: RunEvent) => void;
  readonly signal: AbortSignal;
}

/** How an engine gets to run. One file per kind; `run` looks it up by `engine.launch.kind`. */
export interface Launcher {
  readonly kind: Engine["launch"]["kind"];
  /** What it starts, secrets and all: shown in plans and results. Undefined where it starts nothing. */
  started(order: Pick<LaunchOrder, "engine" | "slot" | "world">): Command | undefined;
  /** Before anything boots: rejects where it can be known that the launch will fail, and fetches what takes long, unless it is only to look. */
  prepare?(order: Pick<LaunchOrder, "name" | "engine" | "world" | "tell"> & { readonly looksOnly?: boolean }): Promise<void>;
  /** Resolves when the engine is ready and proven; rejects with a HarnessError that a person can act on. */
  launch(order: LaunchOrder): Promise<RunningEngine>;
}

/** A process as its place tells of it. */
export interface ProcessInfo {
  /** Missing where the system does not tell us: another user's process. */
  readonly pid?: number;
  readonly command: string;
}

/** A program started at a Place. */
export interface StartedProcess {
  readonly pid: number;
  /** Resolves when the program itself has ended: its exit code or signal, within 200 ms of the fact. */
  readonly ended: Promise<{ readonly code: number | undefined; readonly signal: string | undefined }>;
  /** Everybody of its tree now. */
  pids?(): readonly number[];
  /** Whether this process, which nothing else may connect with the tree any more, works in its directory: then it is of the tree from now on. */
  takesIn?(pid: number): boolean;
  /** SIGTERM to the tree, after `grace` SIGKILL to whoever is left, workers that left the group included. Resolves when nobody is. */
  end(grace: Seconds): Promise<void>;
}

/** A GPU as its place tells of it. */
export interface Gpu {
  /** As nvidia-smi counts; of a MIG part that was left to us, its UUID. */
  readonly id: string;
  readonly uuid?: string;
  readonly name: string;
  /** Missing where the driver does not tell it. */
  readonly memoryMib?: number;
  /** UUIDs of its MIG parts, where it is divided. */
  readonly parts?: readonly string[];
}

/** Memory in use on a GPU before engines were started on it. */
export interface GpuBefore {
  readonly gpu: string;
  /** Of the engines that were started on it. */
  readonly names: readonly string[];
  /** In MiB. */
  readonly mib: number;
}

/** Files of events about what becomes of what we started, one for each who looks after it; stamps count from `origin`, as process.hrtime() tells it. */
export interface Aftermath {
  readonly files: Readonly<Record<"processes" | "containers", string>>;
  readonly origin: readonly [seconds: number, nanoseconds: number];
}

export interface AfterUs {
  /** Where it is told from now on what became of everybody; undefined once they have ended. */
  tellIn(aftermath: Aftermath | undefined): void;
  readonly aftermath: Aftermath | undefined;
  /** GPUs that must have as little memory in use again; none once it is back. */
  gpuMemory(before: readonly GpuBefore[]): void;
}

/** Where an engine runs. This machine is one; a container, a Slurm node, a pod are others. */
export interface Place {
  readonly name: string;
  /** Whether a program is there to be started with this environment. */
  has(program: string, env: Readonly<Record<string, string>>): Promise<boolean>;
  start(
    command: { program: string; args: readonly string[]; env: Readonly<Record<string, string>>; directory: string },
    logs: { stdout: string; stderr: string },
  ): Promise<StartedProcess>;
  /**
   * A directory for sockets and other temporary files, whose path leaves their names enough room. Goes with all that is in it when disposed
   * of, or when we are gone. Undefined where there is none so short.
   */
  temporaryDirectory?(): (Disposable & { readonly path: string }) | undefined;
  /** A port that nobody listens on now. */
  freePort(): Promise<number>;
  /** Who listens on a port there; empty when nobody does. */
  listeners(port: number): Promise<readonly ProcessInfo[]>;
  /** Whether a started process's tree listens on the port, and nobody else does. */
  owns(process: StartedProcess, port: number): Promise<boolean>;
  /** GPUs there that we may use; empty without any. */
  gpus(): Promise<readonly Gpu[]>;
  /** Memory in use on GPUs there, in MiB, and who holds it; undefined, and nobody, where there are none or they do not tell. */
  readonly gpuMemory?: {
    used(gpus: readonly string[]): Promise<number | undefined>;
    holders(gpus: readonly string[]): Promise<readonly string[]>;
  };
  /** Looks after what we started there, should we be gone before it is. */
  readonly afterUs?: AfterUs;
  /** How often processes there were killed for want of memory so far; undefined where nobody counts. */
  readonly oomKills?: () => number | undefined;
}
