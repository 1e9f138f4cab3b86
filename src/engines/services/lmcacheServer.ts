import { checkOptions, nonEmptyText, oneOf, positive, serviceWord, wholeNumber, type OptionRule } from "../../model/checkOptions.ts";
import type { InstalledProgram, StaysFull } from "../../model/engine.ts";
import { HarnessError } from "../../model/harnessError.ts";
import type { Service, ServiceAddress, ServiceReset, ServiceSlot } from "../../model/service.ts";
import { allKnown, ifKnown, valued, type FlagRules } from "../flags.ts";
import { directoryPlace, hostAndPort, parseHostAndPort, serverPlace, type HostAndPort } from "./address.ts";
import { anyClear, serverEra, type ServerEra } from "./lmcacheServerEras.ts";
import { redis } from "./redis.ts";
import { valkey } from "./valkey.ts";

/** A tier below the server's memory. */
export type L2Adapter =
  /** Files; in the service's own directory unless a path is given. LMCache sets no limit to their size. */
  | { readonly kind: "fs"; readonly path?: string }
  /** Redis or Valkey, started beside the server unless `at` ("host:port") says where one is running. */
  | {
      readonly kind: "resp";
      readonly server?: "redis" | "valkey";
      readonly at?: string;
      readonly user?: string;
      readonly password?: string;
    }
  /** Any other, as `--l2-adapter` takes it. */
  | { readonly kind: "other"; readonly adapter: Readonly<Record<string, unknown>> };

export interface LmcacheServerOptions {
  /** Of memory, in GiB; 5 unless said. It evicts from 80 % on. */
  readonly l1Gigabytes?: number;
  readonly chunkTokens?: number;
  readonly evictionPolicy?: "LRU" | "ARC" | "IsolatedLRU" | "noop";
  readonly l2?: readonly L2Adapter[];
  /** "skip_l1" keeps nothing in memory that a lower tier has. */
  readonly l2StorePolicy?: "default" | "skip_l1";
  readonly maxWorkers?: number;
  /** How blocks get from the engine to the server. Unless said, LMCache's own default; "auto" beside an engine of no GPU (withLmcache()). */
  readonly transferMode?: "lmcache_driven" | "engine_driven" | "auto";
  /** Further arguments, as the command line has them. */
  readonly extraArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly shared?: string;
  /** "host:port" of the requests' port of one that is running already. */
  readonly at?: string;
  /** Of one that is running already: the port of its HTTP server, by which its hits are counted, and its memory is emptied where caches are to be cold. */
  readonly httpPort?: number;
  /** `lmcache` on the PATH unless said; of LMCache before 0.4.3 the Python that has it, `python3`. */
  readonly program?: string;
  /** Its LMCache, which decides how it is started: today's unless said. withLmcache() knows the one that is installed. */
  readonly version?: string;
}

const rules: Readonly<Record<keyof LmcacheServerOptions, OptionRule>> = {
  l1Gigabytes: positive,
  chunkTokens: wholeNumber({ from: 1 }),
  evictionPolicy: oneOf("LRU", "ARC", "IsolatedLRU", "noop"),
  l2: (value) => (Array.isArray(value) ? undefined : 'must be a list, such as [{ kind: "fs" }]'),
  l2StorePolicy: oneOf("default", "skip_l1"),
  maxWorkers: wholeNumber({ from: 1 }),
  transferMode: oneOf("lmcache_driven", "engine_driven", "auto"),
  extraArgs: (value) => (Array.isArray(value) && value.every((one) => typeof one === "string") ? undefined : "must be a list of texts"),
  env: (value) => (typeof value === "object" && value !== null ? undefined : "must be an object of texts"),
  shared: serviceWord,
  at: hostAndPort,
  httpPort: wholeNumber({ from: 1, to: 65_535 }),
  program: nonEmptyText,
  version: nonEmptyText,
};

export const defaultL1Gigabytes = 5;
export const defaultChunkTokens = 256;

function flagsOf({ program, starts }: ServerEra): FlagRules {
  return {
    engine: "LMCache",
    program,
    lists: [[...starts, "--help"]],
    abbreviates: true,
    // Older names of 0.5.6, by its source.
    unlisted: ["--coordinator-l2-event-reporting", "--coordinator-l2-event-flush-interval"],
  };
}

/** LMCache's server: KV cache in a process of its own, requests on its port "cache"; from 0.4.1 on health, from 0.4.5 on metrics too on "http". */
export function lmcacheServer(options: LmcacheServerOptions = {}): Service {
  checkLmcacheServer("lmcacheServer()", options);
  const { at, shared, version } = options;
  if (at !== undefined) return runningServer(parseHostAndPort(at), options);
  const era = serverEra(version);
  const { http } = era;
  const { program = era.program, env = {} } = options;
  const [flags, disks] = [flagsOf(era), ownDisks(options)];
  return {
    name: "lmcache-server",
    kind: "LMCache server",
    ...(shared === undefined ? {} : { shared }),
    needs: respServers(options),
    launch: {
      kind: "process",
      ports: http === undefined ? ["cache"] : ["cache", "http"],
      command: (slot, installed) => ({
        program,
        args: allKnown(installed, serverArguments(options, slot, installed), flags),
        env: { ...loginOf(options), ...env },
        discards: disks,
      }),
      listsFlags: flags.lists,
      missing: `install LMCache (pip install lmcache, in the environment of the engine), or say where it is: program: "/path/to/${era.program}"`,
    },
    ready: {
      check: http === undefined ? { kind: "tcp", port: "cache" } : { kind: "http", port: "http", path: http.health },
      within: 300,
    },
    resets: [
      ...(http === undefined ? [] : [clearedBy(http.clear)]),
      // It looks at the files whenever it is asked (0.4.6, 0.5.6).
      ...(disks.length === 0 ? [] : [{ kind: "files" as const, directories: disks }]),
    ],
    ...(http?.counts === true ? { metrics: ownMetrics } : {}),
  };
}

/** Its memory alone. */
function clearedBy(paths: readonly string[]): ServiceReset {
  return { kind: "http", port: "http", paths };
}

const ownMetrics: NonNullable<Service["metrics"]> = {
  port: "http",
  path: "/metrics",
  series: {
    "external-memory-hit-tokens-total": [{ name: "lmcache_mp_lookup_hit_l1_tokens_total" }],
    "external-lower-hit-tokens-total": [{ name: "lmcache_mp_lookup_hit_l2_tokens_total" }],
    "external-memory-used-bytes": [{ name: "lmcache_mp_l1_memory_usage_bytes" }],
  },
};

export function checkLmcacheServer(what: string, options: LmcacheServerOptions): void {
  checkOptions(what, options, Object.keys(rules), rules);
  for (const adapter of options.l2 ?? []) checkAdapter(`${what}: l2`, adapter);
  if (options.at === undefined && options.httpPort !== undefined) {
    throw new HarnessError("usage", `${what}: httpPort is of a server that is running already, and one that is started has a free one`, {
      hint: 'say at as well: at: "localhost:5555"',
    });
  }
  const running = Object.keys(options).filter((name) => !["at", "httpPort", "shared", "program", "version"].includes(name));
  if (options.at !== undefined && running.length > 0) {
    throw new HarnessError("usage", `${what}: ${running.join(", ")} cannot be set on a server that is running already`, {
      hint: "leave at out and one is started for this test",
    });
  }
}

/** What of a server's cache lies outside its own directory. */
export function keptOutsideBy({
  l2 = [],
  at,
  shared,
}: LmcacheServerOptions): readonly { readonly place: string; readonly shared?: string }[] {
  const key = shared === undefined ? {} : { shared };
  const adapters = l2.flatMap((adapter) => {
    if (adapter.kind === "fs" && adapter.path !== undefined) return [{ place: directoryPlace(adapter.path), ...key }];
    if (adapter.kind === "resp" && adapter.at !== undefined) return [{ place: `redis://${serverPlace(adapter.at)}`, ...key }];
    return [];
  });
  return [...adapters, ...(at === undefined ? [] : [{ place: `LMCache server at ${serverPlace(at)}`, ...key }])];
}

/** What of a server's cache its own means and ours leave full. */
export function staysFullIn({ l2 = [], at, httpPort, extraArgs = [], version }: LmcacheServerOptions): readonly StaysFull[] {
  if (at !== undefined) {
    const instead = "say its httpPort, by which its memory is emptied, or leave at out, and one is started";
    return httpPort === undefined ? [{ what: `the LMCache server at ${at}, which is somebody else's`, instead }] : [];
  }
  const memory =
    serverEra(version).http === undefined ? [{ what: `the server of LMCache ${version}`, instead: 'pip install "lmcache>=0.4.1"' }] : [];
  const below = l2.flatMap((adapter) => {
    if (adapter.kind === "fs" && adapter.path !== undefined)
      return [
        { what: `the directory ${adapter.path}, which is somebody else's`, instead: "leave the path out, for a directory of its own" },
      ];
    if (adapter.kind === "resp" && adapter.at !== undefined)
      return [
        { what: `the Redis at ${adapter.at}, which is somebody else's`, instead: "let one be started: redis://localhost, with no login" },
      ];
    if (adapter.kind === "other")
      return [{ what: `a tier of kind ${String(adapter.adapter["type"])}`, instead: "take a disk or a Redis instead" }];
    return [];
  });
  const isElsewhere = extraArgs.some((argument) => argument.startsWith("--l2-adapter"));
  return [
    ...memory,
    ...below,
    ...(isElsewhere ? [{ what: "what --l2-adapter names", instead: "say the tier with l2 instead of extraArgs" }] : []),
  ];
}

/** Directories of its disks in its own. */
function ownDisks({ l2 = [] }: LmcacheServerOptions): readonly string[] {
  return l2.flatMap((adapter, index) => (adapter.kind === "fs" && adapter.path === undefined ? [diskName(index)] : []));
}

const adapterOptions = { fs: ["kind", "path"], resp: ["kind", "server", "at", "user", "password"], other: ["kind", "adapter"] } as const;

const adapterRules: Readonly<Record<string, OptionRule>> = {
  path: (value) => (typeof value === "string" && value.startsWith("/") ? undefined : "must be an absolute path"),
  server: oneOf("redis", "valkey"),
  at: hostAndPort,
  user: nonEmptyText,
  password: (value) => (typeof value === "string" && value !== "" ? undefined : "must be a text that is not empty"),
  adapter: (value) => (typeof value === "object" && value !== null && "type" in value ? undefined : "must be an object with a type"),
};

function checkAdapter(what: string, adapter: L2Adapter): void {
  const allowed: readonly string[] | undefined = adapterOptions[adapter.kind];
  if (allowed === undefined) throw new HarnessError("usage", `${what}: kind must be one of ${Object.keys(adapterOptions).join(", ")}`);
  checkOptions(what, adapter, allowed, adapterRules, adapter.kind === "other" ? ["adapter"] : []);
}

/** Where only its requests' port is known, a connection has to do. */
function runningServer({ host, port }: HostAndPort, { shared, httpPort }: LmcacheServerOptions): Service {
  return {
    name: "lmcache-server",
    kind: "LMCache server",
    ...(shared === undefined ? {} : { shared }),
    needs: {},
    launch: { kind: "running", at: { host, ports: { cache: port, ...(httpPort === undefined ? {} : { http: httpPort }) } } },
    ready: { check: { kind: "tcp", port: httpPort === undefined ? "cache" : "http" }, within: 2 },
    ...(httpPort === undefined ? {} : { resets: [clearedBy(anyClear)], metrics: ownMetrics }),
  };
}

/** By the names `l2-0`, `l2-1`, …: their places in the list. */
function respServers({ l2 = [], shared }: LmcacheServerOptions): Service["needs"] {
  const key = shared === undefined ? {} : { shared };
  return Object.fromEntries(
    l2.flatMap((adapter, index) => {
      if (adapter.kind !== "resp") return [];
      const { server = "redis", at, user, password } = adapter;
      const login = { ...(user === undefined ? {} : { user }), ...(password === undefined ? {} : { password }) };
      const options = { name: `${server}${index === 0 ? "" : `-${index}`}`, ...key, ...login, ...(at === undefined ? {} : { at }) };
      return [[`l2-${index}`, server === "redis" ? redis(options) : valkey(options)]];
    }),
  );
}

/** In the environment: a command line is everybody's. LMCache takes one login for all of them. */
function loginOf({ l2 = [] }: LmcacheServerOptions): Readonly<Record<string, string>> {
  const login = l2.find((adapter) => adapter.kind === "resp" && adapter.password !== undefined);
  if (login?.kind !== "resp" || login.password === undefined) return {};
  return { LMCACHE_RESP_PASSWORD: login.password, ...(login.user === undefined ? {} : { LMCACHE_RESP_USERNAME: login.user }) };
}

function serverArguments(
  options: LmcacheServerOptions,
  { ports, directory, services }: ServiceSlot,
  installed: InstalledProgram | undefined,
): readonly string[] {
  const { l1Gigabytes = defaultL1Gigabytes, chunkTokens = defaultChunkTokens, l2 = [], version } = options;
  const { starts, memoryFlag, evicts, http, quiet } = serverEra(version);
  const { evictionPolicy = evicts ? "LRU" : undefined } = options;
  return [
    ...starts,
    ...valued("--host", "127.0.0.1"),
    ...valued("--port", ports["cache"]),
    ...(http === undefined ? [] : [...valued("--http-host", "127.0.0.1"), ...valued("--http-port", ports["http"])]),
    ...valued(memoryFlag, l1Gigabytes),
    ...valued("--eviction-policy", evictionPolicy),
    ...valued("--chunk-size", chunkTokens),
    ...valued("--max-workers", options.maxWorkers),
    ...valued("--supported-transfer-mode", options.transferMode),
    // One chunk in a hundred otherwise: counters are exact either way, histograms are not.
    ...(http?.counts === true ? ifKnown(installed, "--metrics-sample-rate", "1.0") : quiet),
    ...l2.flatMap((adapter, index) =>
      valued("--l2-adapter", JSON.stringify(adapterOf(adapter, index, directory, services[`l2-${index}`]))),
    ),
    ...valued("--l2-store-policy", options.l2StorePolicy),
    ...(options.extraArgs ?? []),
  ];
}

/** Of a disk of its own, in the server's directory. */
function diskName(index: number): string {
  return `kv-${index}`;
}

function adapterOf(adapter: L2Adapter, index: number, directory: string, address: ServiceAddress | undefined): object {
  switch (adapter.kind) {
    case "fs":
      return { type: "fs", base_path: adapter.path ?? `${directory}/${diskName(index)}` };
    case "resp":
      return {
        type: "resp",
        host: address?.host,
        port: address?.ports["redis"],
      };
    case "other":
      return adapter.adapter;
  }
}
