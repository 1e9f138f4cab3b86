import type { Reading } from "../model/record.ts";
import type { Nanoseconds, Seconds } from "../model/time.ts";
import { fewestFor, nearestRank } from "./distribution.ts";
import { known } from "./known.ts";

/** What the ground-truth engine wrote down of one request: when it had read it, and when it wrote each token. */
export interface Truth {
  readonly id: string;
  readonly received: Nanoseconds;
  readonly written: readonly Nanoseconds[];
}

/** What our own client stamped of the same request, on the same clock. */
export interface Stamped {
  readonly id: string;
  readonly due: Nanoseconds;
  readonly sent: Nanoseconds;
  readonly tokens: readonly Nanoseconds[];
}

/** How wrong the harness was: absolute errors, over `count` values. p95 is missing below 130 of them, p98 below 330, p99 below 662. */
export interface ErrorSize {
  readonly count: number;
  readonly p50: Seconds;
  readonly p95?: Seconds;
  readonly p98?: Seconds;
  readonly p99?: Seconds;
  readonly max: Seconds;
}

/** Our own error at one load. */
export interface RulerError {
  /** TTFT as we stamped it against what the engine did: its writing less its reading. */
  readonly ttft?: ErrorSize;
  /** Each token's receive stamp less the engine's stamp just before its write. */
  readonly stamp?: ErrorSize;
  /** Gaps between tokens, ours against the engine's. */
  readonly gap?: ErrorSize;
  /** How late requests went out. */
  readonly slip?: ErrorSize;
}

/** Every single error there was, with its sign. */
export type SingleErrors = Readonly<Record<keyof RulerError, readonly Nanoseconds[]>>;

/** Compares what we stamped with what the engine wrote down, request by request. Streams that were cut off count as far as they came. */
export function singleErrors(stamped: readonly Stamped[], truths: readonly Truth[]): SingleErrors {
  const byId = new Map(truths.map((truth) => [truth.id, truth]));
  const errors = { ttft: [] as number[], stamp: [] as number[], gap: [] as number[], slip: [] as number[] };
  for (const { id, due, sent, tokens } of stamped) {
    errors.slip.push(sent - due);
    const truth = byId.get(id);
    if (truth === undefined) continue;
    const count = Math.min(tokens.length, truth.written.length);
    for (let i = 0; i < count; i++) {
      const received = tokens[i] as number;
      const written = truth.written[i] as number;
      errors.stamp.push(received - written);
      if (i === 0) errors.ttft.push(received - sent - (written - truth.received));
      else errors.gap.push(received - (tokens[i - 1] as number) - (written - (truth.written[i - 1] as number)));
    }
  }
  return errors;
}

/** How large they were, measured at one time or at several. */
export function rulerError(...measured: readonly SingleErrors[]): RulerError {
  const sizes = (["ttft", "stamp", "gap", "slip"] as const).flatMap((name) => {
    const size = sizeOf(measured.flatMap((errors) => errors[name]));
    return size === undefined ? [] : [[name, size] as const];
  });
  return Object.fromEntries(sizes) as RulerError; // the names are RulerError's own
}

/** Where a figure of our own error comes from. */
export type RulerSource = "check before" | "control stream" | "replay after";

const prefix = "harness-error";

/** Our own error as the journal's readings have it: "harness-error-ttft-p99-seconds" of "control stream". */
export function rulerReadings(source: RulerSource, error: RulerError): readonly Omit<Reading, "at">[] {
  return (Object.entries(error) as [keyof RulerError, ErrorSize][]).flatMap(([what, { count, ...sizes }]) => {
    const times = Object.entries(sizes).flatMap(([name, value]) =>
      value === undefined ? [] : [{ series: `${prefix}-${what}-${name}-seconds`, of: source, value }],
    );
    return [{ series: `${prefix}-${what}-count`, of: source, value: count }, ...times];
  });
}

/** The same, read back: the last that was written, which is of everything so far; undefined where that source told nothing. */
export function rulerErrorOf(readings: readonly Reading[], source: RulerSource): RulerError | undefined {
  const own = readings.filter((reading) => reading.of === source && reading.series.startsWith(prefix));
  const value = (series: string) => own.findLast((reading) => reading.series === `${prefix}-${series}`)?.value;
  const sizes = (["ttft", "stamp", "gap", "slip"] as const).flatMap((what) => {
    const count = value(`${what}-count`);
    const [p50, p95, p98, p99, max] = ["p50", "p95", "p98", "p99", "max"].map((name) => value(`${what}-${name}-seconds`));
    if (count === undefined || p50 === undefined || max === undefined) return [];
    return [[what, { count, p50, max, ...known({ p95, p98, p99 }) }] as const];
  });
  return sizes.length === 0 ? undefined : (Object.fromEntries(sizes) as RulerError); // the names are RulerError's own
}

/** The highest percentile that its values carry; of the fewest, the largest: what limits and differences are held against. */
export function tailOfError({ p95, p98, p99, max }: ErrorSize): Seconds {
  return p99 ?? p98 ?? p95 ?? max;
}

/** Which that is, for people. */
export function nameOfTail(size: ErrorSize): "p99" | "p98" | "p95" | "max" {
  return (["p99", "p98", "p95"] as const).find((name) => size[name] !== undefined) ?? "max";
}

/**
 * As in distribution.ts: two or more of so many lie above the true percentile, with 99 % probability. A p98, since the stream of control has no p99 in less than 15 s,
 * and a thread that was stopped in 4 % of that time shows nothing in its p95.
 */
const fewestOf = { p95: 130, p98: 330, p99: fewestFor.p99 } as const;

function sizeOf(errors: readonly Nanoseconds[]): ErrorSize | undefined {
  if (errors.length === 0) return undefined;
  const sorted = Float64Array.from(errors, Math.abs).sort();
  const at = (share: number) => (nearestRank(sorted, share) as number) / 1e9;
  const from = (fewest: number, share: number) => (sorted.length < fewest ? undefined : at(share));
  const carried = known({ p95: from(fewestOf.p95, 0.95), p98: from(fewestOf.p98, 0.98), p99: from(fewestOf.p99, 0.99) });
  return { count: sorted.length, p50: at(0.5), ...carried, max: at(1) };
}
