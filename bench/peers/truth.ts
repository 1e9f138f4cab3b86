/** What the server did in a run, milliseconds. */
export interface Truth {
  readonly completed: number;
  readonly failed: number;
  readonly ttft: TrueSpread | undefined;
  /** Between two tokens of one stream. */
  readonly gap: TrueSpread | undefined;
  /** The mean gap of each reply. */
  readonly meanGap: TrueSpread | undefined;
  /** The most replies under way at a time. */
  readonly mostStreams: number;
  /** When the server had read the first request, nanoseconds of the monotonic clock. */
  readonly firstRequest: number | undefined;
}

export interface TrueSpread {
  readonly p50: number;
  readonly p99: number;
}

interface Written {
  readonly read: number;
  readonly tokens: readonly number[];
}

/** Asks the server what it wrote when. */
export async function truthOf(port: number): Promise<Truth> {
  const response = await fetch(`http://127.0.0.1:${port}/truth`);
  const requests = (await response.text()).split("\n").filter(Boolean).map(parseLine);
  const replies = requests.filter(({ tokens }) => tokens.length > 0);
  const gaps = replies.map(({ tokens }) => tokens.slice(1).map((at, index) => at - (tokens[index] ?? at)));
  return {
    completed: replies.length,
    failed: requests.length - replies.length,
    ttft: spread(replies.map(({ read, tokens }) => (tokens[0] ?? read) - read)),
    gap: spread(gaps.flat()),
    meanGap: spread(gaps.filter(({ length }) => length > 0).map((all) => all.reduce((sum, gap) => sum + gap, 0) / all.length)),
    mostStreams: mostAtATime(replies),
    firstRequest: requests.length === 0 ? undefined : Math.min(...requests.map(({ read }) => read)),
  };
}

/** ID RECEIVED STAMP STAMP …; no stamps where it was answered with an error. */
function parseLine(line: string): Written {
  const [read = 0, ...tokens] = line.split(" ").slice(1).map(Number);
  return { read, tokens };
}

function mostAtATime(replies: readonly Written[]): number {
  const changes = replies.flatMap(({ read, tokens }) => [
    { at: read, by: 1 },
    { at: tokens.at(-1) ?? read, by: -1 },
  ]);
  let [now, most] = [0, 0];
  for (const { by } of changes.toSorted((a, b) => a.at - b.at)) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

function spread(nanoseconds: readonly number[]): TrueSpread | undefined {
  if (nanoseconds.length === 0) return undefined;
  const ascending = Float64Array.from(nanoseconds).sort();
  const at = (share: number) => (ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? Number.NaN) / 1e6;
  return { p50: at(0.5), p99: at(0.99) };
}
