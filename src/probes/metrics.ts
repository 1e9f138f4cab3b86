import { KeptPage, type Answer, type PageOptions } from "../http/keptPage.ts";
import type { MetricSource } from "../model/engine.ts";
import type { Clock } from "../model/host.ts";
import type { Probe, Reading } from "../model/record.ts";
import type { Seconds } from "../model/time.ts";
import { parseMetrics, type Metric } from "./parseMetrics.ts";

export interface MetricsOptions {
  /** Whose they are: the engine's name. */
  readonly name: string;
  /** "http://127.0.0.1:8000/metrics" */
  readonly url: string;
  /** From our series to the engine's metric, "running-requests" to "vllm:num_requests_running": of several the first that is there. */
  readonly series: Readonly<Record<string, string | readonly MetricSource[]>>;
  readonly everySeconds?: number;
  /** How the page is asked for: a server's key, its certificate. */
  readonly page?: PageOptions;
}

/** Within each period at another moment, spread evenly by the golden ratio: in step with a schedule, an engine would always be asked between two requests. */
function momentOf(period: number): number {
  return period + ((period * 0.618_034) % 1);
}

/**
 * What an engine tells of itself: at the start, once a second, and at the end. Several processes of one engine are added up.
 * A scrape that fails is a reading less, never a zero, also where it is the first; only one that has no such page is not asked again.
 */
export function metrics(clock: Pick<Clock, "now">, { name, url, series, everySeconds = 1, page: asked }: MetricsOptions): Probe {
  let timer: NodeJS.Timeout | undefined;
  let underWay = new AbortController();
  let readLast = async (): Promise<unknown> => undefined;
  const names = namesIn(series);
  const page = new KeptPage(url, asked);
  return {
    name: `metrics of ${name}`,
    async start(read) {
      underWay = new AbortController();
      const { signal } = underWay;
      const readOnce = async () => {
        const answer = await answerOf(page, everySeconds, signal);
        const readings = readingsIn(metricsIn(answer, names), series, name, clock.now());
        for (const reading of signal.aborted ? [] : readings) read(reading);
        return { isFound: readings.length > 0, isAbsent: answer !== undefined && noSuchPage.has(answer.status) };
      };
      const { isFound, isAbsent } = await readOnce();
      if (isAbsent) page[Symbol.dispose](); // it may be one connection less for whoever is measured
      if (isAbsent || signal.aborted) return false;
      const began = performance.now();
      const goOn = (period: number) => {
        const left = began + momentOf(period) * everySeconds * 1e3 - performance.now();
        timer = setTimeout(
          () => {
            void readOnce();
            goOn(period + 1);
          },
          Math.max(1, left), // a machine that stood still leaves moments behind
        ).unref();
      };
      goOn(1);
      readLast = readOnce;
      return isFound;
    },
    async stop() {
      clearTimeout(timer);
      await readLast();
      underWay.abort();
      page[Symbol.dispose]();
    },
  };
}

/** What a server says that will not have it a second later either. */
export const noSuchPage: ReadonlySet<number> = new Set([404, 405, 410, 501]);

/** The metrics of a page; none where it is not up, gone, or too busy to answer. */
export async function scrape(url: string, within: Seconds): Promise<readonly Metric[]> {
  using page = new KeptPage(url);
  return metricsIn(await answerOf(page, within, new AbortController().signal));
}

/** Of these names alone where some are given. */
function metricsIn(answer: Answer | undefined, names?: readonly string[]): readonly Metric[] {
  if (answer?.status !== 200) return [];
  const text = answer.body.toString("utf8");
  return parseMetrics(names === undefined ? text : linesOf(text, names));
}

/** Undefined where there was none, for whatever reason. */
async function answerOf(page: KeptPage, within: Seconds, signal: AbortSignal): Promise<Answer | undefined> {
  try {
    return await page.read(within, signal);
  } catch {
    return undefined;
  }
}

/** Most of a page is histograms that nobody asked for: they are passed over before they cost anything. */
function linesOf(text: string, names: readonly string[]): string {
  return names.flatMap((name) => linesFrom(text, name)).join("\n");
}

function linesFrom(text: string, name: string): readonly string[] {
  const lines: string[] = [];
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + name.length)) {
    const end = text.indexOf("\n", at);
    const isStart = at === 0 || text[at - 1] === "\n";
    if (isStart && /^[{ ]/.test(text.slice(at + name.length, at + name.length + 1)))
      lines.push(text.slice(at, end === -1 ? text.length : end));
  }
  return lines;
}

function namesIn(series: MetricsOptions["series"]): readonly string[] {
  const sources = Object.values(series).flatMap((theirs) => (typeof theirs === "string" ? [theirs] : theirs.map(({ name }) => name)));
  return [...new Set(sources)];
}

function readingsIn(found: readonly Metric[], series: MetricsOptions["series"], of: string, at: number): readonly Reading[] {
  const byName = Map.groupBy(found, ({ name }) => name);
  return Object.entries(series).flatMap(([ours, theirs]) => {
    const sources = typeof theirs === "string" ? [{ name: theirs }] : theirs;
    const shown = sources.map((source) => valuesOf(byName.get(source.name) ?? [], source)).find(({ length }) => length > 0);
    const values = shown ?? (sources.some((source) => isStillZero(byName, source)) ? [0] : undefined);
    return values === undefined ? [] : [{ at, series: ours, of, value: values.reduce((sum, value) => sum + value, 0) }];
  });
}

function valuesOf(lines: readonly Metric[], source: MetricSource): readonly number[] {
  return lines.filter((line) => Number.isFinite(line.value) && hasLabels(line, source)).map(({ value }) => value);
}

/** Not where there are lines of its name without its labels: that version does not tell them apart. */
function isStillZero(byName: ReadonlyMap<string, readonly Metric[]>, { name, labels = {}, startsUnshown = false }: MetricSource): boolean {
  const lines = byName.get(name) ?? [];
  return startsUnshown && byName.size > 0 && lines.every((line) => Object.keys(labels).every((label) => label in line.labels));
}

/** Whether it is one of the lines that the source wants, of those of its name. */
export function hasLabels(line: Metric, { labels = {} }: MetricSource): boolean {
  return Object.entries(labels).every(([label, wanted]) => {
    const { [label]: value = "" } = line.labels;
    return typeof wanted === "string" ? value === wanted : wanted.test(value);
  });
}
