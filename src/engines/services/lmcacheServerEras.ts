import { isBelow } from "../refuseOtherEra.ts";

/** How LMCache's server is started and spoken to from one version on, read in its packages. Only the last was run for real. */
export interface ServerEra {
  /** Of LMCache. */
  readonly since: string;
  readonly program: "lmcache" | "python3";
  /** Before its flags. */
  readonly starts: readonly string[];
  readonly memoryFlag: "--cpu-buffer-size" | "--l1-size-gb";
  /** Whether it is told how to evict. */
  readonly evicts: boolean;
  /** Missing where it listens for its engines alone. */
  readonly http?: {
    readonly health: string;
    readonly clear: readonly string[];
    /** Whether it shows there what it counts. */
    readonly counts: boolean;
  };
  /** It would count on port 9090 otherwise, whoever else does. */
  readonly quiet: readonly string[];
}

const asModule = (name: string): Pick<ServerEra, "program" | "starts"> => ({
  program: "python3",
  starts: ["-u", "-m", `lmcache.v1.multiprocess.${name}`],
});
const command: Pick<ServerEra, "program" | "starts"> = { program: "lmcache", starts: ["server"] };
const bySize = { memoryFlag: "--l1-size-gb", evicts: true } as const;
const underApi = { health: "/api/healthcheck", clear: ["/api/clear-cache"], counts: false };

const first: ServerEra = { since: "0.3.10", ...asModule("server"), memoryFlag: "--cpu-buffer-size", evicts: false, quiet: [] };

const later: readonly ServerEra[] = [
  { since: "0.3.14", ...asModule("server"), ...bySize, quiet: [] },
  { since: "0.3.15", ...asModule("server"), ...bySize, quiet: ["--disable-prometheus"] },
  { since: "0.4.1", ...asModule("http_server"), ...bySize, http: underApi, quiet: ["--disable-prometheus"] },
  { since: "0.4.3", ...command, ...bySize, http: underApi, quiet: ["--disable-metrics"] },
];

export const latest: ServerEra = {
  since: "0.4.5",
  ...command,
  ...bySize,
  // It was called the second before 0.5.1.
  http: { health: "/healthcheck", clear: ["/cache/clear", "/clear-cache"], counts: true },
  quiet: [],
};

/** Of one that is running already nobody knows which it is. */
export const anyClear: readonly string[] = [...(latest.http?.clear ?? []), ...underApi.clear];

/** Of an LMCache version; the latest where it is not known. */
export function serverEra(lmcache: string | undefined): ServerEra {
  const begun = [first, ...later, latest].filter(({ since }) => !isBelow(lmcache, since));
  return begun.at(-1) ?? first;
}
