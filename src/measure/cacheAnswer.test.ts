import { expect, test } from "vitest";
import { cacheAnswers } from "./cacheAnswer.ts";
import { answered } from "./fixture.ts";
import { engineSummary } from "./summary.ts";

const records = [
  ...answered("cached", [4.4]),
  ...answered("cached", [0.5, 0.5, 0.6], { cache: "warm" }),
  ...answered("plain", [4]),
  ...answered("plain", [4, 3, 5], { cache: "warm" }),
];
const summaries = ["cached", "plain"].map((engine) => engineSummary(engine, records));

test("a cache that answers 4.4 s in 0.5 s gains 8.8 times, is 8 times as fast as the baseline's warm, and costs 10 % to fill", () => {
  const [answer] = cacheAnswers(summaries, "plain");
  expect([answer?.engine, answer?.cold?.toFixed(3), answer?.warm?.toFixed(3)]).toEqual(["cached", "4.400", "0.500"]);
  expect(answer?.gain).toBeCloseTo(8.8, 6);
  expect(answer?.warmEffect).toBeCloseTo(8, 6);
  expect(answer?.costOfStoring).toBeCloseTo(0.1, 6);
});

test("the baseline has a gain of its own, and is compared with nobody", () => {
  const [, plain] = cacheAnswers(summaries, "plain");
  expect(plain?.gain).toBeCloseTo(1, 6);
  expect([plain?.warmEffect, plain?.costOfStoring]).toEqual([undefined, undefined]);
});

test("without a warm request, or without a baseline, there is only what there is", () => {
  const coldOnly = engineSummary(
    "cached",
    records.filter(({ cache }) => cache === "cold"),
  );
  const [answer] = cacheAnswers([coldOnly], undefined);
  expect(Object.keys(answer ?? {})).toEqual(["engine", "cold"]);
});
