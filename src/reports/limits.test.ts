import { expect, test } from "vitest";

import { beyond, limitsOf } from "../measure/validityLimits.ts";
import { limitNames } from "../model/limits.ts";
import { fixture } from "./fixture.ts";
import { exceededPhrase, limitsJson, limitsTable } from "./limits.ts";
import { reasonPhrase } from "./sentences.ts";

const [usual, ...others] = fixture().description.experiments.slice(0, 2);
const [second] = others;
if (usual === undefined || second === undefined) throw new Error("the fixture has three experiments");

function rows(...experiments: Parameters<typeof limitsTable>[0]) {
  const table = limitsTable(experiments).at(-1);
  return table?.kind === "table" ? table.rows : [];
}

test("every limit is listed once where all experiments have the same, with both values in its unit", () => {
  const found = rows(usual, second);
  expect(found.map(([name]) => name)).toEqual(limitNames);
  const of = (name: string) => found.find(([first]) => first === name)?.slice(2);
  expect([of("sendLag"), of("cpu"), of("rate"), of("failures"), of("unwell")]).toEqual([
    ["5 ms", "–"],
    ["0.8 of a core", "–"],
    ["2 %", "10 %"],
    ["any", "5 %"],
    ["3 s", "–"],
  ]);
});

test("one that an experiment has changed, or does without, has a row for each, and the title of whose it is", () => {
  const changed = { ...second, limits: { sendLag: { degraded: 0.02 }, saturation: false } } as const;
  const found = rows(usual, changed).filter(([name]) => name === "sendLag" || name === "saturation");
  expect(found.map(([name, measured, ...limits]) => [name, measured?.split(", in ").at(-1), ...limits])).toEqual([
    ["sendLag", usual.title, "5 ms", "–"],
    ["sendLag", second.title, "20 ms", "–"],
    ["saturation", usual.title, "2 %", "–"],
    ["saturation", second.title, "–", "–"],
  ]);
  expect(limitsJson(changed)).toEqual(
    expect.arrayContaining([
      { name: "sendLag", unit: "seconds", degraded: 0.02 },
      { name: "saturation", unit: "share" },
      { name: "rate", unit: "share", degraded: 0.02, invalid: 0.1 },
    ]),
  );
});

test("a reason gives its value and its limit, but where any at all is beyond it", () => {
  const what = "the harness sent requests late (up to 22.3 ms)";
  const exceeded = { name: "sendLag", unit: "seconds", value: 0.0223, limit: 0.005 } as const;
  expect(reasonPhrase({ state: "DEGRADED", what, advice: "use more threads", exceeded })).toBe(
    `${what}; sendLag 22.3 ms, limit 5 ms; use more threads`,
  );
  expect(exceededPhrase({ name: "answers", unit: "share", value: 0.25, limit: 0 })).toBeUndefined();
});

test("what is just above its limit is not told as the limit itself", () => {
  const words = { what: "found", advice: "do" };
  const told = (name: "failures" | "sendLag" | "crowded", value: number) =>
    beyond(limitsOf(usual)[name], value, words).map(({ exceeded }) => exceeded && exceededPhrase(exceeded));
  expect(told("failures", 12 / 239)).toEqual(["failures 5.02 %, limit 5 %"]);
  expect(told("failures", 126 / 2_519)).toEqual(["failures 5.002 %, limit 5 %"]);
  expect(told("failures", 0.131)).toEqual(["failures 13 %, limit 5 %"]);
  expect(told("sendLag", 0.005004)).toEqual(["sendLag 5.004 ms, limit 5 ms"]);
  expect(told("crowded", 2.004)).toEqual(["crowded 2.004 a core, limit 2 a core"]);
});
