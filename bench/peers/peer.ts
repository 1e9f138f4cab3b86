/** What a tool is asked for: so many streams at a time, until so many requests are done. */
export interface PeerLoad {
  readonly url: string;
  readonly streams: number;
  readonly requests: number;
  readonly tokens: number;
}

/** Milliseconds, as a tool prints them. */
export interface ReportedSpread {
  readonly p50?: number | undefined;
  readonly p99?: number | undefined;
}

/** What a tool says of its run; missing where it does not say. */
export interface Reported {
  readonly ttft?: ReportedSpread | undefined;
  readonly gap?: ReportedSpread | undefined;
  readonly completed?: number | undefined;
  readonly failed?: number | undefined;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Beside what every tool is given. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A load generator as its users run it. */
export interface Peer {
  readonly name: string;
  /** Its token gap is of each pair of events, or one mean for each reply: the truth is taken the same way. */
  readonly gapIs: "each" | "mean of a reply";
  readonly version: () => string | undefined;
  /** Writes what it needs into its directory; the command leaves its results there. */
  readonly command: (load: PeerLoad, directory: string) => Command;
  readonly read: (directory: string) => Reported;
}

/** `--name value`, as every one of them takes its options. */
export function flags(values: Readonly<Record<string, string | number>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, `${value}`]);
}

/** A field of what a tool wrote, however deep; undefined where it is not there or no number. */
export function numberAt(report: unknown, ...path: readonly string[]): number | undefined {
  const value = at(report, ...path);
  return typeof value === "number" ? value : undefined;
}

export function at(report: unknown, ...path: readonly string[]): unknown {
  let value = report;
  for (const name of path) value = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return value;
}

export function inMilliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000;
}
