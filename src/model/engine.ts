import type { CacheReuse } from "./proof.ts";
import type { KeptOutside, ServiceAddress, Services } from "./service.ts";
import type { Seconds } from "./time.ts";

/** What one engine is granted at a Place. */
export interface Slot {
  readonly port: number;
  /** Ids as CUDA_VISIBLE_DEVICES takes them; empty for none. */
  readonly gpus: readonly string[];
  /** Made for this engine alone; whatever it writes goes there. */
  readonly directory: string;
  /** For its sockets and other temporary files: a short path, gone with all that is in it once it has ended. Undefined where there is none. */
  readonly temporary?: string;
  /** Where the services it needs are, by the names it gave them. */
  readonly services?: Readonly<Record<string, ServiceAddress>>;
}

/** A program with its arguments and what is added to the environment. Never a shell line. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Written into the slot's directory before the start: file name to content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Directories outside the slot's where it keeps something, absolute: at the same paths inside a container. */
  readonly keepsIn?: readonly string[];
  /** What it keeps below the slot's directory and nobody needs once it has ended: KV cache on disk, a file with a password. Removed then. */
  readonly discards?: readonly string[];
}

/** What an engine needs to know of the world to say its command: read by the run room, handed over as a value. */
export interface World {
  /** Parsed content of each of the engine's `configFiles`, by the path as the author wrote it. */
  readonly configFiles: Readonly<Record<string, unknown>>;
  /** What the engine's program says of itself; undefined where it is not here, or lists no flags. */
  readonly program?: InstalledProgram;
  /** Likewise of its services' programs, by the names it gave the services. */
  readonly servicePrograms?: Readonly<Record<string, InstalledProgram>>;
}

/** An engine's program as it is installed, asked once for each installation. */
export interface InstalledProgram {
  readonly version?: string;
  /** Every flag it knows, with its dashes. */
  readonly flags: readonly string[];
  /** Versions of what it may be connected to, from the same environment: "lmcache". Those that are there. */
  readonly beside?: Readonly<Record<string, string>>;
}

/** How a client speaks to an engine. */
export interface Wire {
  readonly api: "chat" | "completions";
  /** The model's name in requests; undefined asks `/v1/models` and takes the only one. */
  readonly model?: string;
  /** Prompts may be arrays of token ids, so that lengths are exact. Only with `completions`. */
  readonly takesTokenIds: boolean;
  /** Added to each of the built-in vocabulary's ids, so that they are ordinary words of the engine's own. */
  readonly tokenIdOffset: number;
  /** The engine takes `ignore_eos` and `min_tokens`, so that every answer has the same length. */
  readonly fixesLength: boolean;
  /** Its usage leaves out cached tokens where there are none, so that a usage without them says that there were none. */
  readonly leavesOutZeros?: boolean;
  /** False where `/v1/models` does not tell what is served: it is then not asked. */
  readonly listsModels?: boolean;
  /** Sent as `Authorization: Bearer`; never written anywhere. */
  readonly apiKey?: string;
  /** Extra fields of every request body. */
  readonly extraBody?: Readonly<Record<string, unknown>>;
}

/** When an engine counts as up: `path` answers 200, then one real completion. */
export interface Readiness {
  readonly path: string;
  /** Asked once a second while it is measured instead of `path`, where an engine has to compute for that. */
  readonly watched?: string;
  readonly within: Seconds;
}

/** What is said of a program that we start, whatever starts it. */
export interface ProgramToStart {
  readonly command: (slot: Slot, world: World) => Command;
  readonly ready: Readiness;
  /** Its own arguments with which the program lists its flags; the first that works does. Undefined where it does not. */
  readonly listsFlags?: readonly (readonly string[])[];
  /** Its name among Python's packages, where it is not its program's. */
  readonly package?: string;
}

/** How an engine gets to run. The launcher of that kind takes it from there. */
export type Launch =
  | (ProgramToStart & {
      readonly kind: "process";
      /** Said when the program is not there: what it is and how to get it. */
      readonly missing: string;
      /** What starts it in its environment, and so starts any other program there: ["conda", "run", "--name", "serving"]. */
      readonly through?: readonly string[];
    })
  /** The slot's directory has the same path inside. An empty program is the image's own. */
  | (ProgramToStart & { readonly kind: "docker"; readonly image: string; readonly container: ContainerOptions })
  | { readonly kind: "attached"; readonly url: string; readonly ready: Readiness; readonly acceptAnyCertificate?: boolean }
  | { readonly kind: "inProcess"; readonly simulation: SimulationOptions };

/** What a container is given beside its image and command. */
export interface ContainerOptions {
  /** As Docker writes them: "/host/path:/path/inside" or "/host/path:/path/inside:ro". */
  readonly volumes?: readonly string[];
  /** Of /dev/shm, which processes of one engine speak through; 16 unless said. */
  readonly sharedMemoryGib?: number;
  /** At most; as much as there is unless said. */
  readonly memoryGib?: number;
  /** "host" unless said; on any other the engine's port is published on this machine's loopback address. */
  readonly network?: string;
}

/** What a simulated engine is: all of it data, so that it can be handed to a child process. */
export interface SimulationOptions {
  /** A name in simulation/models.ts, with or without its organisation. */
  readonly model: string;
  /** A name in simulation/gpus.ts. */
  readonly gpu: string;
  readonly tensorParallel: number;
  readonly gpuMemoryUtilization: number;
  readonly prefixCaching: boolean;
  readonly chunkedPrefill: boolean;
  /** How many it takes at once; undefined for as many as engines on that GPU usually do. */
  readonly maxSequences?: number;
  /** KV blocks kept in CPU memory beside the engine's own; undefined for none. */
  readonly cpuCache?: { readonly gigabytes: number; readonly chunkTokens: number };
  /** 1 is real time; 0.1 makes every step ten times as fast. Only for demonstrations and tests. */
  readonly timeScale: number;
}

/** One of an engine's own counters or gauges, as its metrics page calls it. */
export interface MetricSource {
  readonly name: string;
  /** Only lines with these labels; lines that are left are added up. A label that is not there counts as empty, as it does in Prometheus. */
  readonly labels?: Readonly<Record<string, string | RegExp>>;
  /** It is shown only once it has counted something: nobody has shown it yet means 0, where the page has others of ours. */
  readonly startsUnshown?: boolean;
}

/** Our names for what engines count of themselves. */
export type MetricName =
  | "running-requests"
  | "waiting-requests"
  | "kv-usage-share"
  | "preemptions-total"
  | "prompt-tokens-total"
  | "computed-prompt-tokens-total"
  | "prefix-hit-tokens-total"
  | "external-hit-tokens-total"
  | "external-memory-hit-tokens-total"
  | "external-lower-hit-tokens-total"
  | "external-memory-used-bytes"
  | "generation-tokens-total";

/** Where an engine counts, and what it calls our names: of several sources the first that is there. */
export interface EngineMetrics {
  readonly path: string;
  readonly series: Readonly<Partial<Record<MetricName, readonly MetricSource[]>>>;
  /** Which label of which metric says of how many tokens a block of its cache is; missing where none does. */
  readonly block?: { readonly name: string; readonly label: string };
}

/** Where a property of a running engine can be read. */
export type TraitSource =
  /** The first group of the first match in its log. */
  | { readonly kind: "log"; readonly pattern: RegExp }
  /** A label of a metric. */
  | { readonly kind: "metric"; readonly name: string; readonly label: string }
  /** What its launcher found out, or it told when asked: "version", "context limit", "dtype". */
  | { readonly kind: "fact"; readonly name: string };

/** Where a path leads on this machine; itself where nothing is there. */
export type RealPath = (path: string) => string;

/** A property that an engine tells of itself once it is up. */
export interface TraitClaim {
  readonly what: string;
  readonly from: TraitSource;
  /** From the text found to what is compared: "0, 1" to "2 cores". Undefined where it does not tell. */
  readonly read?: (text: string, realPath: RealPath) => string | undefined;
  /** What was asked for, as `read` would have it; anything else found is not the engine that was asked for. */
  readonly wanted?: string;
  /** What else settles it; `wanted` unless said. Engines that differ in this were asked to differ. */
  readonly asked?: string;
}

/** What an engine must show once it is up, to count as the one that was asked for. */
export interface EngineClaims {
  readonly traits: readonly TraitClaim[];
  /** Missing where nobody knows what it keeps: nothing is then proven of it. */
  readonly reuse?: CacheReuse;
  /** What its log must not say, neither while it boots nor while it is measured: a cache that could not be connected, or was lost. */
  readonly never?: readonly { readonly what: string; readonly pattern: RegExp }[];
  /** What its log says each time the cache beside it has no room left: it is to keep everything in that one. */
  readonly full?: RegExp;
}

/** How a tokenizer is asked for the tokens of a text, special ones left out where it can leave them out. */
export interface TokenizerQuestion {
  readonly path: string;
  /** Sent as JSON by POST. */
  readonly body: (text: string, servedModel: string) => object;
  /** How many tokens an answer tells; undefined where it is none to this question. */
  readonly tokensIn: (answer: unknown) => number | undefined;
}

/** How a server is asked what it is. */
export interface InfoQuestion {
  readonly path: string;
  /** By the names they are compared by: "version", "context limit" ("4096 tokens"), "dtype". Empty where it is no answer to this question. */
  readonly facts: (answer: unknown) => Readonly<Record<string, string>>;
}

/** How an engine's caches are emptied. */
export interface CacheResets {
  /** Requests by POST, one after the other; each answers 200 when it has worked. */
  readonly paths: readonly string[];
  /** Likewise, of its own memory alone: a cache beside it stays full. */
  readonly own?: string;
  /** True where the answer to `own` tells whether it has worked; vLLM's does not. */
  readonly ownIsTold?: boolean;
  /** What must be in the engine's environment for that: added only where an experiment or a proof wants it. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A part of an engine's cache that nothing of ours empties. */
export interface StaysFull {
  readonly what: string;
  /** What to do for one that can be emptied. */
  readonly instead: string;
}

/** Room that an engine's caches fill beside its GPUs. */
export type CacheRoom =
  | {
      readonly kind: "memory";
      readonly gib: number;
      /** Engines that name the same key fill it together. */
      readonly shared?: string;
    }
  /** A directory, absolute; the engine's own where there is no path. Without a size as much as there is. */
  | { readonly kind: "disk"; readonly path?: string; readonly gib?: number };

/** The model of a server that nobody has named one of: it then has to have a single one. */
export const onlyModel = "the model it serves";

/** A serving engine described. Readonly data; a variation is a function from one Engine to another. */
export interface Engine {
  /** "vllm", "simulated", "attached": for people to read, never to be asked about by shared code. */
  readonly kind: string;
  readonly model: string;
  readonly simulated: boolean;
  /** GPUs it needs; 0 for none: it then sees none. Undefined where nobody has said: it then gets none, and sees those that we see. */
  readonly gpus?: number;
  /** Share of each GPU's memory it takes; two engines on one GPU are allowed when shares add up to 0.95 or less. */
  readonly gpuShare: number;
  /** It does not boot where less than that is free. */
  readonly needsItsShare?: boolean;
  readonly launch: Launch;
  readonly wire: Wire;
  /** What was asked for beyond the model, one phrase each: "prefix caching off", "KV cache in CPU memory, 5 GiB". */
  readonly features: readonly string[];
  /** The engine that it is made of: asked for its program where a mistake keeps its own command from being said. */
  readonly inner?: Engine;
  /** Configuration files it names, as the author wrote them. */
  readonly configFiles: readonly string[];
  /** Features that only its configuration files tell. Throws for mistakes in them; called before anything boots. */
  readonly configuredFeatures?: (world: World) => readonly string[];
  /** Its command line takes vLLM's `--kv-transfer-config`, so that a KV cache can be connected to it. */
  readonly takesKvConnector?: boolean;
  /** The simulated engine of the same model and cache settings on that GPU: in virtual time, for `--simulate`. Undefined where none can stand in. */
  readonly simulation?: (gpu: string, world: World) => SimulationOptions;
  /** Tokens of prompt and answer it is told to take at most: longer ones are mistakes. */
  readonly contextLimit?: number;
  /** Likewise what its model usually takes: only the engine itself can tell once it is up, so longer ones are warned of. */
  readonly usualLimit?: number;
  /** Its own counters. Read once a second and at the edges of each experiment. */
  readonly metrics?: EngineMetrics;
  /** How its tokenizer may be asked: the first that it answers is. Missing where it has none to be asked. */
  readonly tokenizer?: readonly TokenizerQuestion[];
  /** What it tells of itself beside its version and its models: the first that it answers is taken. */
  readonly info?: readonly InfoQuestion[];
  /** What it must show of itself once it is up. */
  readonly claims?: (world: World) => EngineClaims;
  /** Undefined where it has no means to empty its caches but a new start. */
  readonly resets?: CacheResets;
  /** What stays full all the same, beside it or in somebody else's hands: with some of it no experiment can have its caches cold. */
  readonly staysFull?: (world: World) => readonly StaysFull[];
  /** What its caches fill, looked at before anything boots. */
  readonly cacheRoom?: (world: World) => readonly CacheRoom[];
  /** Side processes it needs, up before it and ended after it. */
  readonly services?: (world: World) => Services;
  /** Where it keeps cache outside its own directory. */
  readonly keepsOutside?: (world: World) => readonly KeptOutside[];
  /** What of it the simulated engine leaves out, one phrase each: shown with `--simulate`. */
  readonly simulatedWithout?: (world: World) => readonly string[];
}
