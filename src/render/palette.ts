import { chartColours } from "../reports/charts.ts";
import type { Tone } from "../reports/document.ts";

interface Paint {
  readonly text: string;
  readonly ground: string;
}

/** How each tone looks on paper and in a light page. */
export const lightTones: Readonly<Record<Tone, Paint>> = {
  plain: { text: "#1f2328", ground: "#f3f5f7" },
  quiet: { text: "#57606a", ground: "#f3f5f7" },
  good: { text: "#116329", ground: "#dcf3e3" },
  bad: { text: "#a40e26", ground: "#fde4e7" },
  undecided: { text: "#424a53", ground: "#e4e8ec" },
  warning: { text: "#7d4e00", ground: "#fcefc9" },
  alarm: { text: "#a40e26", ground: "#fde4e7" },
};

export const darkTones: Readonly<Record<Tone, Paint>> = {
  plain: { text: "#e6edf3", ground: "#1c2128" },
  quiet: { text: "#9da7b3", ground: "#1c2128" },
  good: { text: "#7ee2a0", ground: "#12311f" },
  bad: { text: "#ffa8a8", ground: "#3a1619" },
  undecided: { text: "#b6c0cb", ground: "#2a313b" },
  warning: { text: "#f2cc60", ground: "#332701" },
  alarm: { text: "#ffa8a8", ground: "#3a1619" },
};

/** For each colour a chart uses, the one it has in the dark. */
export const darkChartColours: ReadonlyMap<string, string> = new Map([
  [chartColours.ink, "#e6edf3"],
  [chartColours.quiet, "#9da7b3"],
  [chartColours.grid, "#30363d"],
  [chartColours.band, "#21262d"],
  ...chartColours.series.map((colour, index) => [colour, darkSeries(index)] as const),
]);

function darkSeries(index: number): string {
  return ["#6cb6ff", "#ff9a5c", "#5fd08c", "#c8a5ff", "#e3b341", "#ff8ac5"][index] ?? "#e6edf3";
}
