/** One load that clients are put under, beside one another. */
export interface Cell {
  readonly name: string;
  /** What is read off it, for the table. */
  readonly group: "bulk" | "one-token" | "paced" | "kept" | "burst" | "slip" | "memory";
  readonly server: readonly string[];
  readonly flags: Readonly<Record<string, number>>;
  /** Events of one run, by a client's speed: the slow ones get less to do, so that everyone takes about as long. */
  readonly events?: (client: ClientName) => number;
  readonly clients: readonly ClientName[];
}

export const clientNames = [
  "c",
  "c-kernel",
  "tandem",
  "tandem-two",
  "tandem-read",
  "tandem-complete",
  "tandem-complete-two",
  "tandem-run",
  "node-http",
  "fetch",
  "openai",
  "aiohttp",
  "httpx",
  "timer",
] as const;
export type ClientName = (typeof clientNames)[number];

export function isInC(client: ClientName): boolean {
  return client === "c" || client === "c-kernel";
}

/** Load threads of a client. */
export function workersOf(client: ClientName): number {
  return client === "tandem-two" || client === "tandem-complete-two" ? 2 : 1;
}

const others = ["node-http", "fetch", "openai", "aiohttp", "httpx"] as const;
const bulkServer = ["--gap-us", "0"];
const pacedServer = ["--first-us", "100000", "--gap-us", "20000"];

/**
 * Events a client gets through in about two seconds, roughly: only for the length of its runs. Ours run for four: in the first half second V8
 * compiles, and they come at half the speed.
 */
const eventsInBulk: Record<ClientName, number> = {
  c: 16_000_000,
  "c-kernel": 0,
  tandem: 24_000_000,
  "tandem-two": 0,
  "tandem-read": 24_000_000,
  "tandem-complete": 24_000_000,
  "tandem-complete-two": 24_000_000,
  "tandem-run": 24_000_000,
  "node-http": 1_200_000,
  fetch: 400_000,
  openai: 200_000,
  aiohttp: 400_000,
  httpx: 200_000,
  timer: 0,
};
/** Ours run for several seconds, for the same reason. */
const repliesOfOneToken: Record<ClientName, number> = {
  c: 600_000,
  "c-kernel": 0,
  tandem: 450_000,
  "tandem-two": 0,
  "tandem-read": 150_000,
  "tandem-complete": 300_000,
  "tandem-complete-two": 300_000,
  "tandem-run": 0,
  "node-http": 20_000,
  fetch: 4_000,
  openai: 2_000,
  aiohttp: 4_000,
  httpx: 2_000,
  timer: 0,
};

export function cells(quick: boolean): readonly Cell[] {
  const share = quick ? 0.3 : 1;
  const tokens = quick ? 50 : 100;
  return [
    ...[64, 1_024].map((streams): Cell => ({
      name: `bulk-${streams}`,
      group: "bulk",
      server: bulkServer,
      flags: { streams, tokens: 200 },
      events: (client) => Math.max(2 * streams * 200, share * eventsInBulk[client]),
      clients: ["c", "tandem", "tandem-complete", "tandem-complete-two", ...(streams === 64 ? (["tandem-run"] as const) : []), ...others],
    })),
    {
      name: "one-token",
      group: "one-token",
      server: bulkServer,
      flags: { streams: 64, tokens: 1 },
      events: (client) => Math.max(128, share * repliesOfOneToken[client]),
      clients: ["c", "tandem", "tandem-complete", "tandem-complete-two", ...others],
    },
    ...[64, 256, 1_000, 2_000].map((streams): Cell => ({
      name: `paced-${streams}`,
      group: "paced",
      server: pacedServer,
      flags: { streams, requests: streams, tokens, "ramp-ms": 2_000, paced: 1 },
      clients: [
        "c",
        "c-kernel",
        "tandem",
        ...(streams >= 1_000 ? (["tandem-two"] as const) : []),
        "tandem-read",
        ...(streams > 1_000 ? [] : others),
      ],
    })),
    {
      name: "steady-1000",
      group: "paced",
      server: pacedServer,
      flags: { streams: 1_000, requests: 1_000, tokens: 3 * tokens, "ramp-ms": 2_000, paced: 1 },
      clients: ["c", "c-kernel", "tandem", "tandem-read"],
    },
    ...[500, 1_000, 1_300, 1_600, 2_000, 2_600, 3_200].map((streams): Cell => ({
      name: `kept-${streams}`,
      group: "kept",
      server: pacedServer,
      flags: { streams, requests: streams, tokens, "ramp-ms": 2_000, paced: 1 },
      clients: ["c", "tandem", "tandem-two", "tandem-read"],
    })),
    {
      name: "burst-1000",
      group: "burst",
      server: pacedServer,
      flags: { streams: 1_000, requests: 1_000, tokens, "ramp-ms": 0, paced: 1 },
      clients: ["c", "c-kernel", "tandem", "tandem-read", ...others],
    },
    ...[50, 200, 1_000, 5_000].map((rate): Cell => {
      const seconds = quick ? 5 : 10;
      return {
        name: `slip-${rate}`,
        group: "slip",
        server: ["--first-us", "5000", "--gap-us", "1000"],
        flags: { rate, seconds, requests: rate * seconds, tokens: 4, paced: 1 },
        clients: ["timer", "tandem"],
      };
    }),
    {
      name: "memory-10000",
      group: "memory",
      server: ["--first-us", "1000000", "--gap-us", "200000"],
      flags: { streams: 10_000, requests: 10_000, tokens: 20, "ramp-ms": 2_000, paced: 1 },
      clients: ["c", "tandem"],
    },
  ];
}
