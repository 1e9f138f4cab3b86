/** One line of a Prometheus exposition: a value with its labels. */
export interface Metric {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The values in a text that `/metrics` answered. Comments and whatever is not a metric are passed over: an engine's page is not ours to refuse. */
export function parseMetrics(text: string): readonly Metric[] {
  return text.split("\n").flatMap(metricIn);
}

/** What only grows while its process lives, by name and labels: that the page itself calls a counter. */
export function countersIn(text: string): ReadonlyMap<string, number> {
  const counters = new Set(Array.from(text.matchAll(/^# TYPE (\S+) counter\s*$/gm), ([, name]) => name));
  const found = parseMetrics(text).filter(({ name }) => counters.has(name));
  return new Map(found.map(({ name, labels, value }) => [name + JSON.stringify(labels), value]));
}

// name{labels} value timestamp; the labels and the timestamp may be missing.
const METRIC = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?[ \t]+([^\s]+)(?:[ \t]+-?\d+)?\s*$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

function metricIn(line: string): readonly Metric[] {
  const [, name, labels = "", written = ""] = METRIC.exec(line) ?? [];
  const value = valueOf(written);
  if (name === undefined || value === undefined) return [];
  return [
    {
      name,
      value,
      // Of most lines nobody asks for them, and to take them apart costs more than all the rest.
      get labels() {
        return labelsIn(labels);
      },
    },
  ];
}

function labelsIn(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from(text.matchAll(LABEL), ([, name = "", value = ""]) => [name, unescaped(value)]));
}

function unescaped(value: string): string {
  return value.replaceAll(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}

function valueOf(written: string): number | undefined {
  if (/^\+?Inf$/i.test(written)) return Number.POSITIVE_INFINITY;
  if (/^-Inf$/i.test(written)) return Number.NEGATIVE_INFINITY;
  if (/^NaN$/i.test(written)) return Number.NaN;
  const value = Number(written);
  return written === "" || Number.isNaN(value) ? undefined : value;
}
