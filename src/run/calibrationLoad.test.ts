import { expect, test } from "vitest";

import { lanes, sustained, type Sustained } from "./calibrationLoad.ts";

const asked = { streams: 64, perSecond: 100, gap: 0.02, promptTokens: 64, lasts: 4 };

test.each([
  ["replies of a second", { ...asked, perSecond: 64 }],
  ["replies of a tenth of a second", { ...asked, perSecond: 640 }],
  ["replies of one token", { ...asked, perSecond: 5_000 }],
  ["replies of more than the seconds there are", { ...asked, perSecond: 2 }],
])("%s: requests go out at the rate for as long as is asked, and as many streams are open meanwhile", (_, load: Sustained) => {
  const { phase, openers = 0, timetable } = sustained(load);
  const { first, gap } = timetable;
  expect(gap).toBe(load.gap);
  const sent = phase.slice(openers).map(({ due = 0 }) => due - 1);
  expect(sent).toHaveLength(load.perSecond * load.lasts);
  expect(sent[0]).toBe(0);
  expect(sent.at(-1)).toBeCloseTo(load.lasts - 1 / load.perSecond);
  const openAt = (time: number) =>
    phase.filter(({ due = 0, request }) => due <= time && time < due + first + (request.maxOutputTokens - 1) * gap).length;
  // Replies have whole tokens, and a stream more or less is open for that.
  for (const time of [1.3, 2.1, 3.05, 4.2]) expect(Math.abs(openAt(time) / load.streams - 1)).toBeLessThan(0.1);
});

test("on each lane a request follows the one before it, and no other lane's", () => {
  const phase = lanes({ starts: [0, 0.1], replies: 3, tokens: 20, promptTokens: 64 });
  expect(phase.map(({ due, request: { id, arrival } }) => [id, due ?? arrival])).toEqual([
    [0, 0],
    [1, { kind: "after", request: 0, pause: 0.001 }],
    [2, { kind: "after", request: 1, pause: 0.001 }],
    [3, 0.1],
    [4, { kind: "after", request: 3, pause: 0.001 }],
    [5, { kind: "after", request: 4, pause: 0.001 }],
  ]);
});
