import type { TopLevelSpec } from "vega-lite";
import { largestOf, smallestOf } from "../model/extremes.ts";
import type { Comparison, Interval } from "../model/figures.ts";
import type { CacheState } from "../model/request.ts";
import { thinned } from "./thinned.ts";

/** Colours as charts name them: a page in the dark swaps each for a lighter one, so no chart may use another. */
export const chartColours = {
  ink: "#1f2328",
  quiet: "#57606a",
  grid: "#d0d7de",
  band: "#eaeef2",
  series: ["#0b5cad", "#d1570a", "#1a7f4b", "#8250df", "#9a6700", "#bf3989"],
} as const;

/** How wide a chart is drawn, alone in its row or beside another. */
export const chartWidths = { full: 640, half: 320 } as const;

export type ChartSize = keyof typeof chartWidths;

// Told apart without colour: each engine has its own dash and its own shape.
const dashes = [
  [1, 0],
  [6, 3],
  [2, 3],
  [8, 3, 2, 3],
  [12, 4],
  [4, 2, 1, 2],
];
const shapes = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"];

const pointsPerLine = 400;

type Encoding = NonNullable<Extract<TopLevelSpec, { readonly mark: unknown }>["encoding"]>;
type Position = NonNullable<Encoding["x"]>;
type Tooltip = NonNullable<Encoding["tooltip"]>;

/** One request of one engine as a chart shows it: no value where it failed. */
export interface RequestPoint {
  readonly engine: string;
  /** In the order due, from 0. */
  readonly position: number;
  /** Its number within its block, as in the CSV. */
  readonly request: number;
  readonly value?: number;
  readonly cache: CacheState;
  readonly outcome: string;
}

export interface Axis {
  readonly title: string;
  readonly unit: string;
  readonly size: ChartSize;
}

/** A line per engine over the requests in the order they were due; failures are crosses at the upper edge. */
export function perRequest(points: readonly RequestPoint[], engines: readonly string[], axis: Axis): TopLevelSpec {
  const scale = unitFor(
    points.flatMap(({ value }) => value ?? []),
    axis.unit,
  );
  const shown = engines.flatMap((engine) => thinnedPoints(points.filter((point) => point.engine === engine)));
  const values = shown.map((point) => drawnPoint(point, scale));
  const positions = points.map(({ position }) => position);
  const x: Position = {
    field: "position",
    type: "quantitative",
    title: "Request, in the order due",
    scale: { domain: [smallestOf(positions) - 0.5, largestOf(positions) + 0.5], nice: false },
    axis: { grid: false, tickMinStep: 1, format: "d" },
  };
  const tooltip: Tooltip = [
    { field: "engine", title: "engine" },
    { field: "request", title: "request" },
    { field: "value", title: `${axis.title} (${scale.unit})`, format: scale.format },
    { field: "cache", title: "cache" },
    { field: "outcome", title: "outcome" },
  ];
  return {
    ...frame(axis.size, engines),
    data: { values },
    encoding: { x, tooltip },
    layer: [
      {
        mark: { type: "line", strokeWidth: 1.5, invalid: "break-paths-show-path-domains" },
        encoding: { y: yAxis(axis, scale), ...colourOf(engines), strokeDash: dashOf(engines) },
      },
      {
        transform: [{ filter: "isValid(datum.value)" }],
        mark: { type: "point", filled: true, size: values.length > 200 ? 12 : 42, opacity: 1 },
        encoding: { y: yAxis(axis, scale), ...colourOf(engines), shape: shapeOf(engines) },
      },
      {
        transform: [{ filter: "!isValid(datum.value)" }],
        mark: { type: "text", text: "×", fontSize: 15, fontWeight: 600, baseline: "middle" },
        encoding: { y: { value: 4 }, ...colourOf(engines) },
      },
    ],
  };
}

/** The share of an engine's requests that took at most so long: one rising line per engine. */
export function distribution(points: readonly RequestPoint[], engines: readonly string[], axis: Axis): TopLevelSpec {
  const measured = points.flatMap(({ engine, value }) => (value === undefined ? [] : [{ engine, value }]));
  const scale = unitFor(
    measured.map(({ value }) => value),
    axis.unit,
  );
  const steps = engines.flatMap((engine) =>
    risingShares(
      measured.filter((point) => point.engine === engine).map(({ value }) => value * scale.factor),
      engine,
    ),
  );
  const x = valueAxis(
    steps.map(({ value }) => value),
    `${axis.title} (${scale.unit})`,
  );
  const y: Position = {
    field: "share",
    type: "quantitative",
    title: "Share of requests (%)",
    scale: { domain: [0, 100], nice: false },
    axis: { values: [0, 25, 50, 75, 100] },
  };
  const tooltip: Tooltip = [
    { field: "engine", title: "engine" },
    { field: "share", title: "share of requests (%)", format: ".0f" },
    { field: "value", title: `took at most (${scale.unit})`, format: scale.format },
  ];
  return {
    ...frame(axis.size, engines),
    data: { values: steps },
    encoding: { x, y, tooltip, ...colourOf(engines) },
    layer: [
      { mark: { type: "line", interpolate: "step-after", strokeWidth: 1.5 }, encoding: { strokeDash: dashOf(engines) } },
      {
        transform: [{ filter: "datum.share > 0" }],
        mark: { type: "point", filled: true, size: steps.length > 200 ? 6 : 42, opacity: 1 },
        encoding: { shape: shapeOf(engines) },
      },
    ],
  };
}

/**
 * Long ones would leave no room for the picture; they stand in full in the sentences beside it. What sets them apart is kept where there is
 * room for it; where two become the same all the same, each has its number.
 */
function shortened(all: readonly string[]): readonly string[] {
  const labels = withoutAlikeEnd(all);
  const alike = lengthAlike(labels);
  const short = labels.map((label) => (label.length > longestLabel ? withoutMiddle(label, label.slice(alike)) : label));
  return short.map((label, index) => (short.indexOf(label) === index ? label : `${label} (${index + 1})`));
}

/** Where one is too long: what all of them end with, from a comma on, sets none apart. */
function withoutAlikeEnd(labels: readonly string[]): readonly string[] {
  const [first = ""] = labels;
  if (new Set(labels).size < 2 || labels.every(({ length }) => length <= longestLabel)) return labels;
  let alike = 0;
  while (alike < first.length && labels.every((label) => label.at(-1 - alike) === first.at(-1 - alike))) alike++;
  const comma = first.indexOf(", ", first.length - alike);
  return comma < 0 ? labels : labels.map((label) => `${label.slice(0, label.length - first.length + comma)}…`);
}

function withoutMiddle(label: string, end: string): string {
  const room = longestLabel - end.length - 1;
  return room > longestLabel / 4 ? `${label.slice(0, room).trimEnd()}… ${end}` : `${label.slice(0, longestLabel).trimEnd()}…`;
}

/** How many letters all of them begin with, up to the last comma among those. */
function lengthAlike([first = "", ...others]: readonly string[]): number {
  let alike = 0;
  while (alike < first.length && others.every((other) => other[alike] === first[alike])) alike++;
  const comma = others.length === 0 ? -1 : first.lastIndexOf(", ", alike - 1);
  return comma < 0 ? 0 : comma + ", ".length;
}

/** Letters: about half of the width of a chart. */
const longestLabel = 56;

/** Effects with their intervals, one row each, against the line where both engines are alike. */
export function effects(rows: readonly { readonly label: string; readonly comparison: Comparison }[]): TopLevelSpec {
  const labels = shortened(rows.map(({ label }) => label));
  const values = rows.flatMap(({ comparison: { effect, interval, verdict } }, index) =>
    effect === undefined || interval === undefined
      ? []
      : [{ label: labels[index] ?? "", effect, low: interval[0], high: interval[1], verdict }],
  );
  const margin = Math.max(0, ...rows.map(({ comparison }) => comparison.margin));
  const domain = around([1 / (1 + margin), 1 + margin, ...values.flatMap(({ low, high }) => [low, high])]);
  const x: Position = {
    field: "effect",
    type: "quantitative",
    title: "Ratio, above 1 is better",
    ...ratioAxis(domain),
  };
  const y: Position = {
    field: "label",
    type: "nominal",
    title: null,
    sort: null,
    axis: { ticks: false, domain: false, labelPadding: 8 },
  };
  return {
    ...frame("full", [], 48 + 20 * values.length),
    data: { values },
    layer: [
      {
        data: { values: [{ low: 1 / (1 + margin), high: 1 + margin }] },
        mark: { type: "rect", color: chartColours.band },
        encoding: { x: { ...x, field: "low" }, x2: { field: "high" } },
      },
      {
        data: { values: [{ one: 1 }] },
        mark: { type: "rule", color: chartColours.quiet, strokeWidth: 1 },
        encoding: { x: { ...x, field: "one" } },
      },
      {
        mark: { type: "rule", color: chartColours.ink, strokeWidth: 2 },
        encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y },
      },
      {
        mark: { type: "point", filled: true, color: chartColours.ink, size: 60, opacity: 1 },
        encoding: {
          x,
          y,
          tooltip: [
            { field: "label", title: "compared" },
            { field: "effect", title: "ratio", format: ".3~r" },
            { field: "low", title: "from", format: ".3~r" },
            { field: "high", title: "to", format: ".3~r" },
            { field: "verdict", title: "verdict" },
          ],
        },
      },
    ],
  };
}

// What is taken up by more than one line of names is added, so that the picture itself keeps its height.
function frame(size: ChartSize, names: readonly string[], pictureHeight = 176) {
  const columns = legendColumns(size, names);
  return {
    width: chartWidths[size],
    height: pictureHeight + 17 * Math.max(0, Math.ceil(names.length / columns) - 1),
    autosize: { type: "fit", contains: "padding" },
    background: "transparent",
    padding: { left: 2, top: 4, right: 10, bottom: 2 },
    config: configOf(columns),
  } as const;
}

/** How many names stand beside each other. */
export function legendColumns(size: ChartSize, names: readonly string[]): number {
  const widest = Math.max(1, ...names.map(({ length }) => length));
  return Math.max(1, Math.min(names.length, Math.floor(chartWidths[size] / (46 + 7 * widest))));
}

export function configOf(columns: number) {
  const { ink, quiet, grid } = chartColours;
  const text = { labelColor: quiet, titleColor: ink, labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal" } as const;
  return {
    font: "IBM Plex Sans",
    // The figure as a whole has a description; a thousand labelled points would only be in the way.
    aria: false,
    view: { stroke: null },
    axis: {
      ...text,
      gridColor: grid,
      domainColor: quiet,
      tickColor: quiet,
      titlePadding: 8,
      labelOverlap: true,
      // Closer together, "100 120" is read as one number.
      labelSeparation: 8,
      labelFlush: false,
      labelLimit: 0,
    },
    legend: {
      ...text,
      labelColor: ink,
      labelFontSize: 12,
      labelLimit: 0,
      orient: "top",
      direction: columns === 1 ? "vertical" : "horizontal",
      columns,
      title: null,
      columnPadding: 24,
      symbolSize: 60,
      symbolStrokeWidth: 1.5,
      offset: 6,
    },
  } as const;
}

export function colourOf(names: readonly string[], field = "engine") {
  return {
    color: { field, type: "nominal", title: null, scale: { domain: [...names], range: cycled(chartColours.series, names.length) } },
  } as const;
}

export function dashOf(names: readonly string[], field = "engine") {
  return { field, type: "nominal", title: null, scale: { domain: [...names], range: namedDashes(names.length) } } as const;
}

function shapeOf(names: readonly string[], field = "engine") {
  const scale = { domain: [...names], range: cycled(shapes, names.length) };
  // A dashed outline would tear the shapes of the legend.
  return { field, type: "nominal", title: null, scale, legend: { symbolStrokeWidth: 0 } } as const;
}

// Where colours begin anew the dashes are others, so that no two lines of 36 are alike.
function namedDashes(length: number): number[][] {
  return Array.from({ length }, (_, index) => dashes[(index + Math.floor(index / dashes.length)) % dashes.length] ?? []);
}

function cycled<T>(values: readonly T[], length: number): T[] {
  return Array.from({ length }, (_, index) => values[index % values.length] as T); // % keeps the index inside
}

interface Scale {
  readonly factor: number;
  readonly unit: string;
  readonly format: string;
}

/** Seconds become milliseconds where all of them are short; other units stay. */
function unitFor(values: readonly number[], unit: string): Scale {
  const largest = largestOf(values);
  if (unit !== "s") return { factor: 1, unit, format: ".1f" };
  return largest > 0 && largest < 1 ? { factor: 1000, unit: "ms", format: ".1f" } : { factor: 1, unit, format: ".3f" };
}

function yAxis(axis: Axis, scale: Scale): Position {
  return {
    field: "value",
    type: "quantitative",
    title: `${axis.title} (${scale.unit})`,
    scale: { zero: true },
    axis: { tickCount: 5 },
  };
}

function drawnPoint({ engine, position, request, value, cache, outcome }: RequestPoint, { factor }: Scale) {
  // null, because JSON has no undefined; a line breaks there.
  return { engine, position, request, value: value === undefined ? null : Number((value * factor).toPrecision(6)), cache, outcome };
}

function thinnedPoints(points: readonly RequestPoint[]): readonly RequestPoint[] {
  // A failure is never thinned away by its neighbours: it is the highest there is.
  return thinned(points, pointsPerLine, ({ value }) => value ?? Number.POSITIVE_INFINITY);
}

function risingShares(values: readonly number[], engine: string) {
  if (values.length === 0) return [];
  const sorted = Float64Array.from(values).sort();
  const drawnAt = (rank: number) => Number((sorted[rank - 1] as number).toPrecision(6)); // 1 <= rank <= length
  const steps = Math.min(sorted.length, pointsPerLine / 2);
  const rising = Array.from({ length: steps }, (_, step) => {
    const rank = Math.ceil(((step + 1) / steps) * sorted.length);
    return { engine, share: (rank / sorted.length) * 100, value: drawnAt(rank) };
  });
  return [{ engine, share: 0, value: drawnAt(1) }, ...rising];
}

/** Logarithmic, since half and twice are equally far from 1; within a factor of 1.5 that looks like an even axis, which has round numbers in it. */
function ratioAxis(domain: Interval) {
  if (domain[1] / domain[0] < 1.5) {
    return {
      scale: { type: "linear" as const, zero: false, domain: [...domain], nice: false },
      axis: { tickCount: 6, format: "~g", grid: true },
    };
  }
  return {
    scale: { type: "log" as const, domain: [...domain], nice: false },
    axis: { values: [...oneTwoFive(domain)], format: "~g", grid: true },
  };
}

/** From zero where the values are of one size; logarithmic where they differ tenfold, so that cold and warm are both readable. */
function valueAxis(values: readonly number[], title: string): Position {
  const [low, high] = [smallestOf(values), largestOf(values)];
  const field = { field: "value", type: "quantitative", title } as const;
  if (low <= 0 || high / low < 10) {
    return { ...field, scale: { domain: [0, high > 0 ? high * 1.06 : 1], nice: false }, axis: { grid: true, tickCount: 8 } };
  }
  const domain = around([low, high]);
  return { ...field, scale: { type: "log", domain, nice: false }, axis: { grid: true, values: [...oneTwoFive(domain)], format: "~g" } };
}

function around(values: readonly number[]): [number, number] {
  return [Math.min(...values) / 1.12, Math.max(...values) * 1.12];
}

/** The round numbers within a logarithmic axis: 1, 2, 5, 10, 20, … and, on a short one, others between. */
function oneTwoFive([low, high]: Interval): readonly number[] {
  const decades = Array.from({ length: 12 }, (_, index) => 10 ** (index - 5));
  const within = (steps: readonly number[]) =>
    decades.flatMap((decade) => steps.map((step) => Number((step * decade).toPrecision(3)))).filter((tick) => tick >= low && tick <= high);
  const coarse = within([1, 2, 5]);
  return coarse.length >= 3 ? coarse : within([1, 1.2, 1.5, 2, 3, 4, 5, 6, 8]);
}
