import { limitsOf, type LimitInForce } from "../measure/validityLimits.ts";
import type { ExceededLimit } from "../model/figures.ts";
import { limitNames, type LimitName, type LimitUnit } from "../model/limits.ts";
import type { ExperimentDescription } from "../model/result.ts";
import type { Block } from "./document.ts";
import { missing, observedPhrase, percent } from "./numbers.ts";

/** Every limit of a run, also where nothing went beyond it. One that is not the same in all experiments has a row for each. */
export function limitsTable(experiments: readonly ExperimentDescription[]): readonly Block[] {
  const rows = limitNames.flatMap((name) => rowsOf(name, experiments));
  return [
    { kind: "heading", level: 3, text: "Limits of its validity" },
    {
      kind: "table",
      columns: [
        { title: "Limit", align: "left" },
        { title: "What is held against it", align: "left", wide: true },
        { title: "DEGRADED above", align: "right" },
        { title: "INVALID above", align: "right" },
      ],
      rows,
    },
  ];
}

function rowsOf(name: LimitName, experiments: readonly ExperimentDescription[]): readonly (readonly string[])[] {
  const found = experiments.map((description) => ({ title: description.title, limit: limitsOf(description)[name] }));
  const alike = [...Map.groupBy(found, ({ limit }) => JSON.stringify(limit)).values()];
  return alike.flatMap((same) =>
    same.slice(0, 1).map(({ limit }) => {
      const where = alike.length === 1 ? "" : `, in ${same.map(({ title }) => title).join("; ")}`;
      return [name, `${limit.measured}${where}`, limitValue(limit, limit.degraded), limitValue(limit, limit.invalid)];
    }),
  );
}

function limitValue({ unit }: LimitInForce, value: number | undefined): string {
  if (value === undefined) return missing;
  return value === 0 ? "any" : withUnit(unit, value);
}

/** With as many digits as it takes to see on which side of `limit` it lies. */
export function withUnit(unit: LimitUnit, value: number, limit?: number): string {
  const phrase = (factor = 1) => observedPhrase(value * factor, limit === undefined ? "" : String(limit * factor));
  switch (unit) {
    case "seconds":
      return value < 1 ? `${phrase(1_000)} ms` : `${phrase()} s`;
    case "cores":
      return `${phrase()} of a core`;
    case "threads":
      return `${phrase()} a core`;
    case "share":
      // "5.0 %" of at most 5 % is 5.02 %.
      return Number.parseFloat(percent(value)) === Number.parseFloat(percent(limit)) ? `${phrase(100)} %` : percent(value);
  }
}

/** "sendLag 22.3 ms, limit 5 ms"; undefined where any at all is beyond it. */
export function exceededPhrase({ name, unit, value, limit }: ExceededLimit): string | undefined {
  return limit === 0 ? undefined : `${name} ${withUnit(unit, value, limit)}, limit ${withUnit(unit, limit)}`;
}

/** In seconds, cores or shares of 1; one that is not judged has neither limit. */
export function limitsJson(description: ExperimentDescription): unknown {
  return Object.values(limitsOf(description)).map(({ name, unit, degraded, invalid }) => ({ name, unit, degraded, invalid }));
}
