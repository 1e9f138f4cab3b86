import { expect, test } from "vitest";

import { fixture } from "../reports/fixture.ts";
import { phrased } from "./phrased.ts";

const result = fixture({ contexts: [8_192], requests: 1 });
const [first] = result.experiments;

test.each([
  ["every", { seconds: 8 }, "one every 8 s"],
  ["poisson", { perSecond: 2 }, "2 per second at random"],
  ["closedLoop", { concurrency: 4 }, "4 at a time"],
  ["atOnce", {}, "all at once"],
  ["every", { hours: 1 }, undefined],
  ["mine", {}, undefined],
])("arrivals of a journal that kept no words have those of their kind: %s %o", (kind, options, phrase) => {
  const description = { ...first!.description, arrivals: { kind, options } };
  const read = phrased({
    ...result,
    description: { ...result.description, experiments: [description] },
    experiments: [{ ...first!, description }],
  });
  expect(
    [...read.description.experiments, ...read.experiments.map((one) => one.description)].map(({ arrivals }) => arrivals.phrase),
  ).toEqual([phrase, phrase]);
});

test("words that were kept stay", () => {
  const description = { ...first!.description, arrivals: { kind: "every", options: { seconds: 8 }, phrase: "now and then" } };
  const read = phrased({ ...result, experiments: [{ ...first!, description }] });
  expect(read.experiments[0]?.description.arrivals.phrase).toBe("now and then");
});
