import { fewestFor } from "../measure/distribution.ts";
import { draws, type Draw } from "../model/draw.ts";
import type { Distribution, EngineSummary, Summary } from "../model/figures.ts";
import { grouped } from "../model/grouped.ts";
import { nearest } from "../model/nearest.ts";
import type { CacheState } from "../model/request.ts";

/** How many requests each engine is sent, of all kinds and of each. */
export type Sizes = Readonly<Record<"all" | CacheState, number>>;

export interface StandInOptions {
  /** Other figures for another one. */
  readonly seed: number;
  /** Enough for every percentile unless said. */
  readonly sizes?: Sizes;
  /** False: of an experiment without objectives, which has no goodput. */
  readonly hasSlo?: boolean;
  /** Every figure is there, however few the requests. */
  readonly lacksNothing?: boolean;
}

/** Figures that nobody measured, and what is asked of them in vain. */
export interface StandInFigures {
  readonly on: Readonly<Record<string, EngineSummary>>;
  /** Engines that there are not. */
  readonly absent: ReadonlySet<string>;
  /** Figures that there are not. */
  readonly unknown: ReadonlySet<string>;
  /** Figures for which there are too few requests, or no objectives. */
  readonly lacking: ReadonlySet<string>;
}

/** As they might be measured: fewer fail than there are, a median lies between the least and the most, no two engines are alike. */
export function standInFigures(
  engines: readonly string[],
  { seed, sizes = enough, hasSlo = true, lacksNothing = false }: StandInOptions,
): StandInFigures {
  const [absent, unknown, lacking] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const notes = { unknown, lacking, hasSlo: hasSlo || lacksNothing, lacksNothing };
  const summaries = engines.map((name): readonly [string, EngineSummary] => [
    name,
    engineSummary(name, sizes, draws(seed, `figures of ${name}`), notes),
  ]);
  return { on: strict(Object.fromEntries(summaries), "the test", absent), absent, unknown, lacking };
}

const enough: Sizes = { all: 9_000, cold: 3_000, partial: 3_000, warm: 3_000 };

type Notes = Readonly<Record<"unknown" | "lacking", Set<string>>> & { readonly hasSlo: boolean; readonly lacksNothing: boolean };

function engineSummary(engine: string, sizes: Sizes, draw: Draw, notes: Notes): EngineSummary {
  const part = (name: CacheState) => {
    const whole = `${engine}.${name}`;
    return strict(summary(whole, sizes[name], draw, notes), whole, notes.unknown, noteGoodput(whole, notes));
  };
  const parts = { cold: part("cold"), partial: part("partial"), warm: part("warm") };
  return strict({ engine, ...summary(engine, sizes.all, draw, notes), ...parts }, engine, notes.unknown, noteGoodput(engine, notes));
}

function noteGoodput(name: string, { hasSlo, lacking }: Notes): (member: string) => void {
  return (member) => {
    if (member === "goodput" && !hasSlo) lacking.add(`${name}.goodput takes objectives, such as slo: { ttft: 0.5 } in the experiment`);
  };
}

function summary(name: string, requests: number, draw: Draw, notes: Notes): Summary {
  const failures = Math.ceil(requests * 0.1 * draw());
  const cancelled = Math.ceil(requests * 0.1 * draw());
  const over = (metric: string, size = requests) => distribution(`${name}.${metric}`, size, draw, notes);
  const figures = {
    requests,
    completed: requests - failures - cancelled,
    failures,
    cancelled,
    failuresByCode: ofEveryCode(Math.ceil(failures * draw())),
    waves: Math.ceil(requests * draw()),
    ttft: over("ttft"),
    ttftFromDue: over("ttftFromDue"),
    timeToHeaders: over("timeToHeaders"),
    e2e: over("e2e"),
    e2eFromDue: over("e2eFromDue"),
    // One request has as many gaps as tokens.
    itl: over("itl", requests === 0 ? 0 : enough.all),
    tpot: over("tpot"),
    throughput: over("throughput"),
    sendLag: over("sendLag"),
    promptTokens: 9_000 * draw(),
    cachedTokens: 9_000 * draw(),
    outputTokens: 9_000 * draw(),
    span: 900 * draw(),
    outputTokensPerSecond: 90 * draw(),
    requestsPerSecond: 9 * draw(),
    goodput: draw(),
  } satisfies Required<Summary>;
  return notes.hasSlo ? figures : { ...figures, ...nothing };
}

/** Which codes there will be is not known, and each has a number; none is listed. */
function ofEveryCode(failures: number): Summary["failuresByCode"] {
  return new Proxy<Record<string, number>>(
    {},
    { get: (_, code) => (typeof code === "string" && code !== "toJSON" ? failures : undefined) },
  );
}

// Read, it is missing; asked whether it is there, it is: what is not known at all is another mistake.
const nothing = { goodput: undefined } as unknown as Pick<Summary, "goodput">;

function distribution(name: string, count: number, draw: Draw, { unknown, lacking, lacksNothing }: Notes): Distribution {
  const ascending = Float64Array.from({ length: 8 }, draw).sort();
  const [min = 0, low = 0, mean = 0, p50 = 0, high = 0, p90 = 0, p99 = 0, max = 0] = ascending;
  const figures = { min, mean, meanInterval: [low, high] as const, p50, p90, p99, max };
  const isThere = (member: string) => lacksNothing || count >= fewest(member);
  const note = (member: string) => {
    const needed = fewest(member);
    if (member in figures && !isThere(member))
      lacking.add(
        `${name}.${member} takes ${needed === 1 ? "1 request" : `${grouped(needed)} requests`}, and there ${count === 1 ? "is" : "are"} ${count}`,
      );
  };
  const there = Object.fromEntries(Object.entries(figures).map(([member, value]) => [member, isThere(member) ? value : undefined]));
  return strict({ count, ...(there as typeof figures) }, name, unknown, note); // of those that lack nothing each has a value, and the others are optional
}

function fewest(member: string): number {
  if (member === "meanInterval") return 2;
  return member === "p90" || member === "p99" ? fewestFor[member] : 1;
}

/** The same, which notes whoever asks for a member that it does not have. */
function strict<Members extends object>(
  members: Members,
  name: string,
  unknown: Set<string>,
  note = (_member: string): void => {},
): Members {
  return new Proxy(members, {
    get: (target, member, receiver) => {
      if (typeof member === "string" && member !== "toJSON") {
        note(member);
        if (!(member in target)) unknown.add(unknownMember(name, member, Object.keys(target)));
      }
      return Reflect.get(target, member, receiver) as unknown;
    },
  });
}

function unknownMember(name: string, member: string, known: readonly string[]): string {
  const meant = nearest(member, known);
  return `${name} has no ${member}, ${meant === undefined ? `it has ${known.join(", ")}` : `did you mean ${meant}?`}`;
}
