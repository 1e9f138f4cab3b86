import { get } from "node:http";

import type { Load } from "./load.ts";

/** A few percentiles, in microseconds. */
export interface Spread {
  readonly n: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999?: number;
  readonly max: number;
}

/** What a client program prints, as one line of JSON. */
export interface Measured {
  readonly seconds?: number;
  readonly events_per_second?: number;
  readonly replies_per_second?: number;
  readonly cpu_seconds_per_million?: number;
  readonly rss_mib?: number;
  /** Before the load. */
  readonly idle_rss_mib?: number;
  readonly stamp_error_us?: Spread;
  /** Of the tokens that were written while every stream was under way, where there were any. */
  readonly steady_error_us?: Spread;
  readonly ttft_error_us?: Spread;
  /** Sent after it was due. */
  readonly send_lag_us?: Spread;
}

/** What one reply was to its client: when its request went out, when each of its tokens was there. Nanoseconds of the monotonic clock. */
export interface Received {
  sent: number;
  readonly tokens: number[];
}

/** Nanoseconds on the clock that the server stamps with. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e9 + nanoseconds;
}

/** The stopwatch of a client program; its own start is not part of the load. */
export function startWatch(): (load: Load) => Measured {
  const idle = process.memoryUsage.rss();
  const began = now();
  const cpu = process.cpuUsage();
  return ({ requests, tokens }) => {
    const seconds = (now() - began) / 1e9;
    const { user, system } = process.cpuUsage(cpu);
    const events = requests * tokens;
    return {
      seconds,
      events_per_second: events / seconds,
      replies_per_second: requests / seconds,
      cpu_seconds_per_million: (user + system) / events,
      rss_mib: process.resourceUsage().maxRSS / 1024,
      idle_rss_mib: idle / 2 ** 20,
    };
  };
}

/** Errors of the stamps and of the times to first token, against what the servers wrote down. */
export async function errorsAgainstTruth(
  ports: readonly number[],
  received: (request: number) => { readonly sent: number; readonly tokens: readonly number[] } | undefined,
): Promise<Measured> {
  const stamps: Stamp[] = [];
  const firsts: number[] = [];
  const steady = { from: 0, to: Infinity };
  const told = await Promise.all(ports.map(truth));
  for (const line of told.join("").trim().split("\n")) {
    const [request = -1, read = 0, ...written] = line.split(" ").map(Number);
    const reply = received(request);
    if (reply?.tokens.length !== written.length) throw new Error(`request ${request}: ${reply?.tokens.length} of ${written.length} tokens`);
    for (const [index, at] of written.entries()) stamps.push({ at, error: (reply.tokens[index] ?? 0) - at });
    steady.from = Math.max(steady.from, written[0] ?? 0);
    steady.to = Math.min(steady.to, written.at(-1) ?? 0);
    firsts.push((reply.tokens[0] ?? 0) - reply.sent - ((written[0] ?? 0) - read));
  }
  const isSteady = ({ at }: Stamp) => at >= steady.from && at <= steady.to;
  const ofSteady = steady.from < steady.to ? { steady_error_us: spreadOf(stamps.filter(isSteady)) } : {};
  return { stamp_error_us: spreadOf(stamps), ...ofSteady, ttft_error_us: spread(firsts) };
}

/** Of one token: when it was written, and how far off its client's stamp was. */
interface Stamp {
  readonly at: number;
  readonly error: number;
}

function spreadOf(stamps: readonly Stamp[]): Spread {
  return spread(stamps.map(({ error }) => error));
}

export function spread(nanoseconds: readonly number[]): Spread {
  const ascending = Float64Array.from(nanoseconds).sort();
  const at = (share: number) => Math.round((ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? 0) / 100) / 10;
  return { n: ascending.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}

async function truth(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path: "/truth" }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () => resolve(Buffer.concat(pieces).toString()));
    }).on("error", reject);
  });
}
