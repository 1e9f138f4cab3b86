import { telemetryOf, type Telemetry, type Track } from "../measure/telemetry.ts";
import type { EngineDescription, ExperimentResult } from "../model/result.ts";
import type { Block } from "./document.ts";
import { percent } from "./numbers.ts";
import { stacked, type StackedRow } from "./stackedCharts.ts";

/** How a series is drawn: its readings times `factor` are in the unit of the title. */
interface Drawing extends Pick<StackedRow, "title" | "upTo" | "isCount"> {
  readonly series: string;
  readonly factor?: number;
}

const ofEngines: readonly Drawing[] = [
  { series: "requests-in-flight", title: "Requests in flight, as Tandem sees them", isCount: true },
  { series: "running-requests", title: "Requests running, as the engine tells once a second", isCount: true },
  { series: "waiting-requests", title: "Requests waiting, as the engine tells once a second", isCount: true },
  { series: "kv-usage-share", title: "KV cache in use (%), likewise once a second", factor: 100 },
];

/** In seconds. */
const shortestTold = 2;

const ofGpus: readonly Drawing[] = [
  { series: "gpu-memory-mib", title: "Memory in use (GiB)", factor: 1 / 1024 },
  { series: "gpu-utilization-percent", title: "Utilisation (%)", upTo: 100 },
  { series: "gpu-power-watts", title: "Power (W)" },
  { series: "gpu-sm-clock-mhz", title: "SM clock (MHz)" },
];

/** What engines and GPUs told while requests were under way; nothing where they told nothing. */
export function telemetryFigure(experiment: ExperimentResult, engines: readonly EngineDescription[]): readonly Block[] {
  const telemetry = telemetryOf(experiment, engines);
  // What is told once a second is nothing of a burst that is over by then: lines at 0 would say that nothing ran.
  const drawn = telemetry.lasts < shortestTold ? ofEngines.filter(({ series }) => series === "requests-in-flight") : ofEngines;
  const groups = [rowsOf(telemetry.engines, drawn), rowsOf(telemetry.gpus, ofGpus)];
  if (groups.every(({ length }) => length === 0)) return [];
  const titles = groups.flat().map(({ title }) => title);
  const axis = {
    title: telemetry.isInTurn ? "Time since each engine's first request (s)" : "Time since the first request (s)",
    lasts: telemetry.lasts,
  };
  return [
    {
      kind: "figure",
      title: telemetry.gpus.length === 0 ? "Engines over time" : "Engines and GPUs over time",
      alt: `Over time, one below the other: ${titles.join("; ")}, ${experiment.description.title}`,
      size: "full",
      spec: stacked(groups, axis),
      ...clockNote(telemetry),
    },
  ];
}

function rowsOf(tracks: readonly Track[], drawings: readonly Drawing[]): readonly StackedRow[] {
  return drawings.flatMap(({ series, factor = 1, ...drawing }) => {
    const own = tracks.filter((track) => track.series === series);
    const curves = own.map(({ name, stretches }) => ({
      name,
      stretches: stretches.map((points) => points.map(({ at, value }) => ({ at, value: value * factor }))),
    }));
    return curves.length === 0 ? [] : [{ ...drawing, curves }];
  });
}

/** Beside the clock, why it is not higher. */
function clockNote({ throttling, gpus }: Telemetry): { readonly note?: string } {
  const shown = throttling.filter(({ name }) => gpus.some((track) => track.name === name));
  const texts = shown.flatMap(({ name, shares }) => {
    const reasons = Object.entries(shares).sort(([, one], [, other]) => other - one);
    return reasons.length === 0 ? [] : [`${name} ${reasons.map(([words, share]) => `${words} ${percent(share)}`).join(", ")}`];
  });
  return texts.length === 0 ? {} : { note: `What held clocks down, in shares of readings: ${texts.join("; ")}.` };
}
