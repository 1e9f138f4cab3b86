import { expect, test } from "vitest";

import { atOnce } from "../arrivals/atOnce.ts";
import { closedLoop } from "../arrivals/closedLoop.ts";
import { every } from "../arrivals/every.ts";
import { poisson } from "../arrivals/poisson.ts";
import { experiment, type ExperimentOptions } from "../model/experiment.ts";
import type { Arrivals } from "../model/workload.ts";
import { documentQa } from "../workloads/documentQa.ts";
import { titledApart } from "./titles.ts";

const ofLength = (contextTokens: number) => documentQa({ contextTokens, questionTokens: 4, documents: 1, requests: 3 });

function titlesOf(...arrivals: readonly Arrivals[]): readonly string[] {
  const experiments = arrivals.map((each) => experiment({ workload: ofLength(64), arrivals: each, title: "chat" }));
  return titledApart(experiments).map(({ title }) => title);
}

test("experiments that differ in their arrivals alone are told apart by them", () => {
  expect(titlesOf(every({ seconds: 1 }), every({ seconds: 2 }), every({ seconds: 1, startAfter: 3 }))).toEqual([
    "chat, one every 1 s",
    "chat, one every 2 s",
    "chat, one every 1 s from 3 s on",
  ]);
  expect(titlesOf(atOnce(), closedLoop({ concurrency: 4 }), closedLoop({ concurrency: 4, thinkSeconds: 2 }))).toEqual([
    "chat, all at once",
    "chat, 4 at a time",
    "chat, 4 at a time with 2 s after each answer",
  ]);
  const { phrase: _none, ...silent } = atOnce();
  const ramp = { ...silent, kind: "ramp", options: { from: 1, to: 5 } };
  expect(titlesOf(poisson({ perSecond: 2 }), ramp)).toEqual(["chat, 2 per second at random", "chat, ramp from 1 to 5"]);
  const inWords = { ...ramp, phrase: "ever more" };
  expect(titlesOf(ramp, inWords)).toEqual(["chat, ramp from 1 to 5", "chat, ever more"]);
});

test("experiments that differ in their workloads' options, or in what else they do, are told apart by that", () => {
  const titles = (...changes: readonly Partial<ExperimentOptions>[]) =>
    titledApart(changes.map((change) => experiment({ workload: ofLength(64), arrivals: atOnce(), ...change }))).map(({ title }) => title);
  const answering = (outputTokens: number) => ({
    workload: documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 3, outputTokens }),
  });
  expect(titles(answering(1), answering(16))).toEqual([
    "64 context tokens, 3 questions, outputTokens 1",
    "64 context tokens, 3 questions, outputTokens 16",
  ]);
  expect(titles({ slo: { ttft: 0.1 } }, { slo: { ttft: 0.3, tpot: 0.05 } }, { margin: 0.02 })).toEqual([
    "64 context tokens, 3 questions, usual margin, ttft within 0.1 s",
    "64 context tokens, 3 questions, usual margin, ttft within 0.3 s and tpot within 0.05 s",
    "64 context tokens, 3 questions, margin 0.02, no objectives",
  ]);
  expect(titles({ cacheState: "cold" }, { cacheState: "primed", repeats: 2 })).toEqual([
    "64 context tokens, 3 questions, caches cold, 1 block",
    "64 context tokens, 3 questions, caches primed, 2 blocks",
  ]);
});

test("experiments that differ in nothing that has a name go by their numbers", () => {
  expect(titlesOf(every({ seconds: 1 }), every({ seconds: 2 }), every({ seconds: 1 }))).toEqual([
    "chat, one every 1 s, experiment 0",
    "chat, one every 2 s",
    "chat, one every 1 s, experiment 2",
  ]);
});

test("a title that is the only one of its test stays as it is", () => {
  const apart = [
    experiment({ workload: ofLength(64), arrivals: atOnce() }),
    experiment({ workload: ofLength(128), arrivals: every({ seconds: 1 }) }),
  ];
  expect(titledApart(apart)).toEqual(apart);
});

test("an experiment that says no order has the usual one, where another says it", () => {
  const said = [{}, { order: "inTurn" }] as const;
  const experiments = said.map((order) => experiment({ workload: ofLength(64), arrivals: atOnce(), title: "chat", ...order }));
  expect(titledApart(experiments).map(({ title }) => title)).toEqual(["chat, usual order", "chat, order inTurn"]);
});
