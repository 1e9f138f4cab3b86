import { largestOf } from "../model/extremes.ts";
import type { Reading } from "../model/record.ts";
import type { EngineDescription, ExperimentResult } from "../model/result.ts";
import { toSeconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { mayBeUsed, usersOf } from "./gpuUse.ts";
import { ofEngine } from "./ofEngine.ts";
import { once } from "./once.ts";
import { meanOf, sumOf } from "./sums.ts";
import { throttlingOf, type Throttling } from "./throttling.ts";
import { isIn, spansOf, turnsOf, type Flight, type Length, type Span } from "./turns.ts";

/** A value over the time in which the engines that were up together were measured. */
export interface Track {
  /** An engine; a GPU with those that had it: "gpu-0 (plain)". */
  readonly name: string;
  readonly series: string;
  /** The GPU alone: "gpu-0". */
  readonly gpu?: string;
  readonly engines: readonly string[];
  /** Seconds since the first request of the engines that were up then; a break where nothing was read for a while. */
  readonly stretches: readonly (readonly { readonly at: Seconds; readonly value: number }[])[];
  /** How many were read from the first request to the last end of each block of its engines; missing where nothing was read, but counted from the requests. */
  readonly readings?: number;
  readonly mean?: number;
  readonly max?: number;
}

/** What held down the clock of a GPU, in the readings that count for its tracks of this name. */
export interface NamedThrottling extends Throttling, Pick<Track, "name"> {}

export interface Telemetry {
  readonly engines: readonly Track[];
  readonly gpus: readonly Track[];
  readonly throttling: readonly NamedThrottling[];
  /** The longest time that engines which were up together were measured. */
  readonly lasts: Seconds;
  /** Engines that were not up at the same time have each their own start. */
  readonly isInTurn: boolean;
}

export const engineSeries = ["running-requests", "waiting-requests", "kv-usage-share"] as const;
export const gpuSeries = ["gpu-memory-mib", "gpu-utilization-percent", "gpu-power-watts", "gpu-sm-clock-mhz"] as const;

const ofGpus: ReadonlySet<string> = new Set([...gpuSeries, "gpu-throttle-reasons"]);

/** What engines and GPUs told of themselves beside the requests that were under way; empty where nothing was read. */
export function telemetryOf(experiment: ExperimentResult, engines: readonly EngineDescription[]): Telemetry {
  return ofExperiment(experiment)(engines);
}

const ofExperiment = once((experiment: ExperimentResult) => once((engines: readonly EngineDescription[]) => compute(experiment, engines)));

function compute(experiment: ExperimentResult, engines: readonly EngineDescription[]): Telemetry {
  const spans = spansOf(experiment, engines);
  const gpus = spans.flatMap((span) => gpuTracks(span, experiment.readings));
  const told = spans.flatMap((span) => toldTracks(span, experiment.readings));
  const isTold = gpus.length + told.length > 0;
  return {
    engines: isTold ? [...spans.flatMap((span) => inFlightTracks(span)), ...told] : [],
    gpus,
    throttling: spans.flatMap((span) => throttlingIn(span, experiment.readings)),
    lasts: Math.max(0, ...spans.map(({ from, to }) => toSeconds(to - from))),
    isInTurn: spans.length > 1,
  };
}

function inFlightTracks({ engines, flights, from }: Span): readonly Track[] {
  return engines.flatMap(({ name }) => {
    const own = ofEngine(flights, name);
    return own.length === 0 ? [] : [inFlight(name, own, from)];
  });
}

/** As the harness saw it; the mean is over the engine's own turns. */
function inFlight(name: string, flights: readonly Flight[], start: Nanoseconds): Track {
  const steps = flights
    .filter(({ from, to }) => to > from) // one that took no time would end before it began
    .flatMap(({ from, to }) => [{ at: from, by: 1 } as const, { at: to, by: -1 } as const])
    .sort((one, other) => one.at - other.at || one.by - other.by);
  const points = [{ at: 0, value: 0 }];
  for (const { at, by } of steps) points.push({ at: toSeconds(at - start), value: (points.at(-1)?.value ?? 0) + by });
  const busy = timeIn(flights);
  const whole = timeIn(turnsOf([name], flights));
  return {
    name,
    series: "requests-in-flight",
    engines: [name],
    stretches: [points],
    ...(whole > 0 ? { mean: busy / whole } : {}),
    max: largestOf(points.map(({ value }) => value)),
  };
}

function timeIn(lengths: readonly Length[]): Nanoseconds {
  return sumOf(lengths, ({ from, to }) => to - from);
}

function toldTracks(span: Span, readings: readonly Reading[]): readonly Track[] {
  return span.engines.flatMap(({ name }) => {
    const own = readings.filter(({ of }) => of === name);
    // While others have their turn it has nothing to do: that is in the picture, and not in its figures.
    const counted = turnsOf([name], span.flights);
    return engineSeries.flatMap((series) =>
      trackOf(
        own.filter((reading) => reading.series === series),
        { name, series, engines: [name] },
        { span, counted },
      ),
    );
  });
}

/** A GPU in the time of engines that were up together, and when it counts. */
interface SpanGpu extends Pick<Track, "name" | "engines"> {
  readonly gpu: string;
  readonly counted: readonly Length[];
}

/** GPUs of these engines; of those where nobody knows which they have, all. */
function gpusOf({ engines, flights }: Span, readings: readonly Reading[]): readonly SpanGpu[] {
  const names = [...new Set(readings.filter(({ series }) => ofGpus.has(series)).map(({ of }) => of))];
  const used = names.filter((gpu) => mayBeUsed(gpu, engines));
  const shown = (used.length > 0 ? used : names).sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
  return shown.map((gpu) => {
    const users = usersOf(gpu, engines);
    const name = users.length === 0 ? gpu : `${gpu} (${users.join(", ")})`;
    const counted = turnsOf(users.length === 0 ? engines.map((engine) => engine.name) : users, flights);
    return { gpu, name, engines: users, counted };
  });
}

function gpuTracks(span: Span, readings: readonly Reading[]): readonly Track[] {
  const gpus = gpusOf(span, readings);
  return gpuSeries.flatMap((series) => {
    const own = readings.filter((reading) => reading.series === series);
    return gpus.flatMap(({ counted, ...who }) =>
      trackOf(
        own.filter(({ of }) => of === who.gpu),
        { ...who, series },
        { span, counted },
      ),
    );
  });
}

/** In the turns of engines that were up together. */
export function throttlingIn(span: Span, readings: readonly Reading[]): readonly NamedThrottling[] {
  return gpusOf(span, readings).flatMap(({ gpu, name, counted }) => {
    const own = readings.filter(({ of }) => of === gpu);
    return throttlingOf(own, (at) => isIn(at, counted)).map((found) => ({ ...found, name }));
  });
}

/** Nothing where nothing was read in its time. */
function trackOf(
  readings: readonly Reading[],
  who: Pick<Track, "name" | "series" | "gpu" | "engines">,
  { span, counted }: { readonly span: Length; readonly counted: readonly Length[] },
): readonly Track[] {
  const within = readings.filter(({ at }) => isIn(at, counted));
  const points = atEdges(readings, span).map(({ at, value }) => ({ at: toSeconds(at - span.from), value }));
  if (points.length === 0) return [];
  const values = within.map(({ value }) => value);
  const figures = values.length === 0 ? {} : { mean: meanOf(values), max: largestOf(values) };
  return [{ ...who, stretches: unbrokenStretches(points), readings: values.length, ...figures }];
}

/** How long before the start the last reading, or after the end the first one, may lie and stand for what was then. */
const near: Nanoseconds = 2e9;

function atEdges(readings: readonly Reading[], { from, to }: Length): readonly Reading[] {
  const before = readings.findLast(({ at }) => at < from && at >= from - near);
  const after = readings.find(({ at }) => at > to && at <= to + near);
  return [
    ...(before === undefined ? [] : [{ ...before, at: from }]),
    ...readings.filter(({ at }) => at >= from && at <= to),
    ...(after === undefined ? [] : [{ ...after, at: to }]),
  ];
}

/** A line through a time in which nothing was read would be invented. */
function unbrokenStretches<T extends { readonly at: Seconds }>(points: readonly T[]): readonly (readonly T[])[] {
  const gaps = points.slice(1).map(({ at }, index) => at - (points[index]?.at ?? at));
  const usual = gaps.toSorted((one, other) => one - other)[Math.floor(gaps.length / 2)] ?? 0;
  const isBreak = (gap: Seconds) => gap > 3 && gap > 3 * usual;
  const starts = [0, ...gaps.flatMap((gap, index) => (isBreak(gap) ? [index + 1] : []))];
  return starts.map((start, index) => points.slice(start, starts[index + 1]));
}
