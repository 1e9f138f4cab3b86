import { parseArgs } from "node:util";

import { compare } from "../src/measure/compare.ts";
import {
  answered,
  experimentOf,
  exponential,
  manyAtOnce,
  mostOfMany,
  normal,
  poissonDues,
  record,
  type Answering,
} from "../src/measure/fixture.ts";
import { summarise } from "../src/measure/summary.ts";
import { draws, type Draw } from "../src/model/draw.ts";
import type { RequestRecord } from "../src/model/record.ts";

// node scripts/intervals.ts [--runs 500] [--only REGEX]        one engine against itself, simulated: how often intervals hold the truth, and verdicts are false

const { values } = parseArgs({ options: { runs: { type: "string", default: "500" }, only: { type: "string", default: "" } } });

/** On an engine that answers one request at a time, in a second each. */
function oneAtATime(engine: string, { dues, draw, length }: Answering): readonly RequestRecord[] {
  let free = 0;
  return dues.map((due, request) => record([[(free = Math.max(free, due) + length(draw))]], { engine, request, due }));
}

type Arms = (count: number, draw: Draw) => readonly (readonly RequestRecord[])[];

const even = (draw: Draw) => Math.exp(0.3 * normal(draw) - 0.045);
const both = (arm: (engine: string) => readonly RequestRecord[]) => ["plain", "cached"].map(arm);

/** One a second; each wait is `alike` times the one before it and for the rest by chance, and so many are under way at once. */
const chained =
  (alike: number, underWay: number): Arms =>
  (count, draw) =>
    both((engine) => {
      let last = normal(draw);
      const waits = Array.from({ length: count }, (_, place) => {
        if (place > 0) last = alike * last + Math.sqrt(1 - alike * alike) * normal(draw);
        return 0.2 * Math.exp(0.2 * last);
      });
      return answered(engine, waits, { outputTokens: 1 }).map((one) => ({ ...one, ended: one.due + Math.max(0.5, underWay) * 1e9 }));
    });

const sharing =
  (share: number, length: (draw: Draw) => number): Arms =>
  (count, draw) => {
    const dues = poissonDues(count, share * mostOfMany, draw);
    return both((engine) => manyAtOnce(engine, { dues, draw, length }));
  };

const queueing =
  (share: number, length: (draw: Draw) => number): Arms =>
  (count, draw) => {
    const dues = poissonDues(count, share, draw);
    return both((engine) => oneAtATime(engine, { dues, draw, length }));
  };

const users = 32;
const inWaves: Arms = (count, draw) =>
  both((engine) =>
    Array.from({ length: count / users }, () => 0.2 * Math.exp(0.2 * normal(draw))).flatMap((usual, wave) =>
      Array.from({ length: users }, (_, user) => {
        const [due, request] = [wave * 2, wave * users + user];
        const after = wave === 0 ? {} : { after: request - users };
        return record([[due + usual * Math.exp(0.05 * normal(draw))]], { engine, request, due, ...after });
      }),
    ),
  );

const slowSpells: Arms = (count, draw) =>
  both((engine) => {
    let [until, slow] = [0, 1];
    const waits = Array.from({ length: count }, (_, place) => {
      if (place >= until) [until, slow] = [place + 10 + 10 * draw(), draw() < 0.2 ? 1.15 : 1];
      return 0.2 * slow * Math.exp(0.1 * normal(draw));
    });
    return answered(engine, waits, { outputTokens: 1 });
  });

const cells: readonly (readonly [name: string, arms: Arms, counts: readonly number[]])[] = [
  ["independent, one by one", chained(0, 0), [10, 30, 100, 600]],
  ["independent, 5 under way", chained(0, 5), [30, 100, 600]],
  ["independent, 25 under way", chained(0, 25), [100, 200, 600]],
  ["0.3 alike, 10 under way", chained(0.3, 10), [100, 600]],
  ["0.6 alike, 10 under way", chained(0.6, 10), [100, 600]],
  ["0.9 alike, 10 under way", chained(0.9, 10), [100, 600]],
  ["many at a time, 50 %, unlike lengths", sharing(0.5, exponential), [100, 200, 600, 2_000]],
  ["many at a time, 70 %, unlike lengths", sharing(0.7, exponential), [100, 200, 600, 2_000]],
  ["many at a time, 85 %, unlike lengths", sharing(0.85, exponential), [100, 200, 600, 2_000]],
  ["many at a time, 70 %, alike to 30 %", sharing(0.7, even), [100, 200, 600, 2_000]],
  ["one at a time, 70 %, alike to 30 %", queueing(0.7, even), [10, 30, 100, 400]],
  ["one at a time, 70 %, unlike lengths", queueing(0.7, exponential), [6, 10, 30, 100, 400]],
  ["one at a time, 85 %, unlike lengths", queueing(0.85, exponential), [10, 30, 100, 400]],
  ["waves of 32 users", inWaves, [192, 640]],
  ["spells of 15 % more, each its own", slowSpells, [30, 100, 600]],
];

const runs = Number(values.runs);
for (const [name, arms, counts] of cells.filter(([name]) => new RegExp(values.only).test(name))) {
  for (const count of counts) {
    const draw = draws(1, `${name} ${count}`);
    const found = Array.from({ length: runs }, () => arms(count, draw));
    const compared = found.flatMap((both) => compare(experimentOf(both.flat()), "plain").filter(({ pairs }) => pairs > 0));
    for (const [metric, of] of Map.groupBy(compared, (comparison) => comparison.metric)) {
      const holds = of.filter(({ interval: [low, high] = [2, 0] }) => low <= 1 && high >= 1).length;
      const isFalse = of.filter(({ verdict }) => verdict === "better" || verdict === "worse").length;
      const half = of.reduce((sum, { interval: [low, high] = [1, 1] }) => sum + Math.log(high / low) / 2, 0) / of.length;
      console.log(`${name}, ${count}, ${metric}: holds ${percent(holds)}, false ${percent(isFalse)}, half a width ${half.toFixed(4)}`);
    }
  }
}

/** Of one engine that has filled: its own mean, against that of a long run. */
for (const share of [0.5, 0.7].filter((share) => new RegExp(values.only).test(`own mean, many at a time, ${share}`))) {
  const settled = (count: number, draw: Draw) => sharing(share, exponential)(300 + count, draw)[0]!.slice(300);
  const truth = summarise(settled(200_000, draws(2, "long"))).ttft.mean ?? NaN;
  for (const count of [100, 200, 600, 2_000]) {
    const draw = draws(1, `own mean, ${share} ${count}`);
    const intervals = Array.from({ length: runs }, () => summarise(settled(count, draw)).ttft.meanInterval);
    const holds = intervals.filter(([low, high] = [Infinity, 0]) => low <= truth && truth <= high).length;
    console.log(`own mean, many at a time, ${share}, ${count}: holds ${percent(holds)}`);
  }
}

function percent(amount: number): string {
  return `${((100 * amount) / runs).toFixed(1)} %`;
}
