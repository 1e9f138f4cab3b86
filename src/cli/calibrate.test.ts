import { expect, test } from "vitest";

import type { Played } from "../run/calibrate.ts";
import { highestWithin, jsonOf, linesOf, type Calibrated } from "./calibrate.ts";
import { tandem } from "./fixture.ts";

const never = new AbortController().signal;

interface Limits {
  /** So many streams it stamps well. */
  readonly kept: number;
  /** So many replies come to their end. */
  readonly played?: number;
  /** Of so many streams it keeps the pace, of more it takes 1.3 times as long. */
  readonly paced?: number;
}

function machine({ kept, played = Infinity, paced = Infinity }: Limits): {
  readonly tried: number[];
  readonly at: (streams: number) => Promise<Played>;
} {
  const tried: number[] = [];
  const at = async (streams: number): Promise<Played> => {
    tried.push(streams);
    const off = streams > kept ? 0.0011 : streams * 1e-7;
    const stamp = { count: 700, p50: off, p99: off, max: off };
    return { error: { stamp }, asked: streams, whole: Math.min(streams, played), stretch: streams > paced ? 1.3 : 1.1 };
  };
  return { tried, at };
}

async function highest(kept: number, { from = 64, ...limits }: { from?: number } & Partial<Limits> = {}) {
  const { tried, at } = machine({ kept, ...limits });
  return { ...(await highestWithin(from, await at(from), at, never)), tried };
}

test.each([0, 1, 2, 3, 4, 5, 6, 7, 24, 63, 64, 100, 1_000, 4_000])(
  "where %d streams are the most, it ends within a third of that",
  async (kept) => {
    const { streams = 0, tried, limitedBy } = await highest(kept);
    expect(streams).toBeLessThanOrEqual(kept);
    expect((streams + 1) * 1.3).toBeGreaterThan(kept);
    expect(new Set(tried).size).toBe(tried.length);
    expect(limitedBy).toBeUndefined();
  },
);

test.each([64, 100, 3_000])("more than 4,096 are not tried, from %d on, and that is said", async (from) => {
  const { streams, tried, limitedBy } = await highest(1e9, { from });
  expect([streams, Math.max(...tried), limitedBy]).toEqual([4_096, 4_096, "untried"]);
});

test.each([4_500, 5_000, 7_000])(
  "where more than 4,096 were asked for and are too many, %d are found to within a third as well",
  async (kept) => {
    const { streams = 0, limitedBy } = await highest(kept, { from: 20_000 });
    expect(streams).toBeLessThanOrEqual(kept);
    expect(streams * 1.3).toBeGreaterThan(kept);
    expect(limitedBy).toBeUndefined();
  },
);

test("streams whose replies do not come are not said to be stamped well, and they are why there are no more", async () => {
  const { streams = 0, limitedBy } = await highest(1e9, { from: 4_096, played: 25 });
  expect(streams).toBeLessThanOrEqual(25);
  expect(streams).toBeGreaterThan(16);
  expect(limitedBy).toBe("replies");
});

test("streams whose tokens come more than a fifth too slowly are not those that were asked for, and the pace is why there are no more", async () => {
  expect(await highest(1e9, { paced: 128 })).toMatchObject({ streams: 128, limitedBy: "pace" });
  expect((await highest(128, { paced: 128 })).limitedBy).toBeUndefined();
});

test("the error is that of the streams that are told, and of the single one where not even that is stamped well", async () => {
  expect(await highest(24)).toMatchObject({ streams: 24, error: { p99: 24e-7 } });
  expect(await highest(100)).toMatchObject({ streams: 96, error: { p99: 96e-7 } });
  expect(await highest(0)).toMatchObject({ streams: undefined, error: { p99: 0.0011 } });
});

test("where it is interrupted nothing more is tried", async () => {
  const { tried, at } = machine({ kept: 1e9 });
  const found = await highestWithin(64, await at(64), at, AbortSignal.abort());
  expect([found.streams, tried]).toEqual([64, [64]]);
});

const size = { count: 1_440, p50: 0.00002, p95: 0.0001, p98: 0.0002, p99: 0.0004, max: 0.003 };
const few = { count: 72, p50: 0.00005, max: 0.02 };
const calibrated: Calibrated = {
  streams: 8,
  rate: undefined,
  tokensPerSecond: 49,
  stamps: "kernel",
  played: { error: { ttft: few, stamp: size, gap: { ...size, count: 1_368 }, slip: few }, asked: 72, whole: 72, stretch: 1.01 },
  highest: { streams: 1_024, error: size },
};

test("a calibration says up to how many streams, who stamps, and how large each error was; a percentile that too few values carry is a dash", () => {
  expect(linesOf(calibrated)).toEqual([
    "this machine stamps the tokens of up to about 1,024 streams within 1 ms (p99)",
    "what is received is stamped by the kernel, when it comes in",
    "",
    "error at 8 streams of 49 tokens/s              p50       p99       max    values",
    "  first token                            0.0500 ms         –   20.0 ms        72",
    "  gap between tokens                     0.0200 ms  0.400 ms   3.00 ms     1,368",
    "  token's stamp                          0.0200 ms  0.400 ms   3.00 ms     1,440",
    "  sent late by                           0.0500 ms         –   20.0 ms        72",
  ]);
});

test("at a rate it says so, of one stream not streams, of no values nothing, and of a search that was interrupted no answer", () => {
  const { highest: _unknown, ...rest } = calibrated;
  const played = { ...calibrated.played, error: {} };
  const lines = linesOf({ ...rest, streams: 1, rate: 1_200, tokensPerSecond: 2_000, stamps: "read", played });
  expect(lines).toEqual([
    "what is received is stamped when it is read",
    "",
    "error at 1 stream of 2,000 tokens/s, 1,200 requests/s        p50       p99       max    values",
    "  first token                                                  –         –         –         –",
    "  gap between tokens                                           –         –         –         –",
    "  token's stamp                                                –         –         –         –",
    "  sent late by                                                 –         –         –         –",
  ]);
});

test.each([
  [
    { streams: 4_096, error: size, limitedBy: "untried" },
    "the tokens of up to about 4,096 streams within 1 ms (p99), or more: it was not tried",
  ],
  [
    { streams: 900, error: few, limitedBy: "replies" },
    "streams within 1 ms (max), or more: more files are needed: ulimit -n, or other work closed",
  ],
  [
    { streams: 1, error: size, limitedBy: "pace" },
    "up to about 1 stream within 1 ms (p99), or more: more than the ground-truth engine beside it keeps up with here",
  ],
  [{ streams: undefined, error: size }, "this machine stamps the tokens of no stream within 1 ms (p99) now: close other work"],
  [
    { streams: undefined, error: size, limitedBy: "pace" },
    "within 1 ms is not known, not even one could be tried: more than the ground-truth engine beside it keeps up with here",
  ],
] as const)("why there are no more streams is said: %j", (found, says) => {
  expect(linesOf({ ...calibrated, highest: found })[0]).toContain(says);
});

test.each([
  [{ whole: 60 }, "60 of 72 replies came to their end (more files are needed: ulimit -n, or other work closed)"],
  [{ stretch: 1.25 }, "the ground-truth engine beside it kept 39 of 49 tokens/s"],
])("an error of another load than was asked for is not passed off as that of the load: %j", (found, says) => {
  const lines = linesOf({ ...calibrated, played: { ...calibrated.played, ...found } });
  expect(lines[2]).toBe(`not the load that was asked for: ${says}`);
});

test("programs are told the very numbers: what was asked for as it was asked, what is not known left out", () => {
  expect(JSON.parse(jsonOf({ ...calibrated, rate: 30 }))).toEqual({
    schema: 1,
    streams: 8,
    requests_per_second: 30,
    tokens_per_second: 49,
    receive_stamps: "kernel",
    replies_asked: 72,
    replies_whole: 72,
    tokens_per_second_kept: 49 / 1.01,
    error_seconds: calibrated.played.error,
    highest_streams_within_1_ms: 1_024,
  });
  const { highest: _unknown, ...rest } = calibrated;
  const { stretch: _none, ...whole } = calibrated.played;
  const unknown = JSON.parse(jsonOf({ ...rest, played: { ...whole, stretch: undefined } })) as object;
  expect(Object.keys(unknown)).not.toEqual(expect.arrayContaining(["requests_per_second"]));
  expect(Object.keys(unknown).slice(-2)).toEqual(["replies_whole", "error_seconds"]);
});

test.each([
  { flags: [], stamps: expect.stringMatching(/^(?:kernel|read)$/), about: 5, replies: 36, tokens: 720, scheduled: 36 }, // of 0.45 s each, nine on each stream
  { flags: ["--rate", "10", "--stamps", "read"], stamps: "read", about: 6, replies: 44, tokens: expect.any(Number), scheduled: 40 }, // of 0.4 s each, after those that open the streams
])(
  "tandem calibrate $flags: told how long it takes, and interrupted while it looks for more, it prints what it has measured",
  async ({ flags, stamps, about, replies, tokens, scheduled }) => {
    const { code, stdout, stderr } = await tandem(["calibrate", "--streams", "4", "--json", ...flags], {
      saying: (said, child) => {
        if (said.endsWith(" s\n") && said.split("measuring").length === 3) child.kill("SIGINT"); // as the second is begun
      },
    });
    expect(stderr).toMatch(new RegExp(`^measuring at 4 streams, about ${about} s\n`));
    expect(stderr).toContain("interrupted: how many streams are stamped well was not found out\n");
    expect(code).toBe(130);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({
      streams: 4,
      tokens_per_second: 50,
      receive_stamps: stamps,
      replies_asked: replies,
      replies_whole: replies,
    });
    expect(found.error_seconds).toMatchObject({ ttft: { count: replies }, stamp: { count: tokens }, slip: { count: scheduled } });
    expect(found).not.toHaveProperty("highest_streams_within_1_ms");
  },
);
