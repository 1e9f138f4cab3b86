import type { TopLevelSpec } from "vega-lite";
import type { Seconds } from "../model/time.ts";
import { chartWidths, colourOf, configOf, dashOf, legendColumns } from "./charts.ts";
import { thinned } from "./thinned.ts";

export interface StackedRow {
  /** With its unit: "Power (W)". */
  readonly title: string;
  readonly curves: readonly StackedCurve[];
  /** Where the axis ends at least: 100 of what is a share. */
  readonly upTo?: number;
  readonly isCount?: boolean;
}

interface StackedCurve {
  readonly name: string;
  /** A line each, with nothing between them. */
  readonly stretches: readonly (readonly { readonly at: Seconds; readonly value: number }[])[];
}

interface StackedAxis {
  readonly title: string;
  readonly lasts: Seconds;
}

const rowHeight = 46;
const pointsPerLine = 240;

/** Room for the numbers beside each row: the same for all, so that one moment is in one place in all of them. */
const beside = 58;

/** Names with a piece of their line, above the first row's title. */
function legendOf(names: readonly string[]) {
  const columns = legendColumns("full", names);
  return { symbolType: "stroke", symbolSize: 260, offset: 22, columns, direction: columns === 1 ? "vertical" : "horizontal" } as const;
}

/** Small charts, one below the other, on one axis of time. A line per name in each; names are those of a group of rows, told above it. */
export function stacked(groups: readonly (readonly StackedRow[])[], axis: StackedAxis): TopLevelSpec {
  const filled = groups.filter(({ length }) => length > 0);
  const named = filled.map((rows) => [...new Set(rows.flatMap(({ curves }) => curves.map(({ name }) => name)))]);
  const own = { color: "independent", strokeDash: "independent" } as const;
  return {
    background: "transparent",
    padding: { left: 2, top: 4, right: 10, bottom: 2 },
    config: configOf(1),
    spacing: 2,
    resolve: { scale: own, legend: own },
    vconcat: filled.flatMap((rows, group) =>
      rows.map((row, index) => {
        const isLast = group === filled.length - 1 && index === rows.length - 1;
        return rowOf(row, { axis, names: named[group] ?? [], isFirst: index === 0, isLast });
      }),
    ),
  };
}

type Row = Extract<TopLevelSpec, { readonly vconcat: unknown }>["vconcat"][number];

interface RowPlace {
  readonly axis: StackedAxis;
  readonly names: readonly string[];
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

function rowOf(row: StackedRow, { axis, names, isFirst, isLast }: RowPlace): Row {
  const values = row.curves.flatMap(valuesOf);
  const highest = values.reduce((most, { value }) => Math.max(most, value ?? 0), 0);
  const { color } = colourOf(names, "name");
  const strokeDash = dashOf(names, "name");
  const legend = { legend: isFirst ? legendOf(names) : null };
  return {
    width: chartWidths.full - beside,
    height: rowHeight,
    data: { values },
    encoding: {
      x: {
        field: "at",
        type: "quantitative",
        title: isLast ? axis.title : null,
        scale: { domain: [0, axis.lasts], nice: false },
        axis: isLast ? { grid: true, tickCount: 8 } : { grid: true, tickCount: 8, labels: false, ticks: false },
      },
      y: {
        field: "value",
        type: "quantitative",
        title: row.title,
        // Some room above, so that a level line does not hide in the upper edge.
        scale: { domain: [0, (row.upTo ?? highest) * 1.12 || 1], nice: row.upTo === undefined },
        axis: {
          ...(row.upTo === undefined ? { tickCount: 2 } : { values: [0, row.upTo / 2, row.upTo] }),
          minExtent: beside - 12,
          maxExtent: beside - 12,
          titleAngle: 0,
          titleAlign: "left",
          titleAnchor: "end",
          titleBaseline: "bottom",
          titleX: 0,
          titleY: -5,
          ...(row.isCount === true ? { tickMinStep: 1, format: ",d" } : {}),
        },
      },
      color: { ...color, ...legend },
      tooltip: [
        { field: "name", title: "of" },
        { field: "at", title: "time (s)", format: ".1f" },
        { field: "value", title: row.title, format: row.isCount === true ? ",d" : ",.1f" },
      ],
    },
    layer: [
      {
        mark: { type: "line", interpolate: "step-after", strokeWidth: 1.3, invalid: "break-paths-show-path-domains" },
        encoding: { strokeDash: { ...strokeDash, ...legend } },
      },
      {
        // A reading with none beside it would be a line without length.
        transform: [{ filter: "datum.isAlone" }],
        mark: { type: "point", filled: true, size: 24, opacity: 1 },
      },
    ],
  };
}

interface DrawnValue {
  readonly name: string;
  readonly at: Seconds;
  /** null, because JSON has no undefined; a line breaks there. */
  readonly value: number | null;
  readonly isAlone?: true;
}

function valuesOf({ name, stretches }: StackedCurve): readonly DrawnValue[] {
  const all = stretches.reduce((sum, { length }) => sum + length, 0);
  return stretches.flatMap((stretch, index) => {
    const share = Math.max(2, Math.round((pointsPerLine * stretch.length) / all));
    const drawn = thinned(stretch, share, ({ value }) => value).map(({ at, value }) => ({
      name,
      at: Number(at.toFixed(3)),
      value: Number(value.toPrecision(5)),
      ...(stretch.length === 1 ? ({ isAlone: true } as const) : {}),
    }));
    const ends = stretch.at(-1)?.at ?? 0;
    return index === stretches.length - 1 ? drawn : [...drawn, { name, at: Number(ends.toFixed(3)), value: null }];
  });
}
