import type { Experiment } from "../model/experiment.ts";
import type { Arrivals, Options } from "../model/workload.ts";

/** Experiments of one test. Those that share a title and not their arrivals say these too: every report names experiments by their titles. */
export function titledApart(experiments: readonly Experiment[]): readonly Experiment[] {
  const alike = Map.groupBy(experiments, ({ title }) => title);
  return experiments.map((experiment) => {
    const phrases = new Set(alike.get(experiment.title)?.map(({ arrivals }) => shortPhrase(arrivals)));
    return phrases.size < 2 ? experiment : { ...experiment, title: `${experiment.title}, ${shortPhrase(experiment.arrivals)}` };
  });
}

/** Every option is in it, since arrivals may differ in any. */
function shortPhrase({ kind, options }: Pick<Arrivals, "kind" | "options">): string {
  switch (kind) {
    case "every":
      return `one every ${options["seconds"]} s${whereSaid(options, "startAfter", (seconds) => ` from ${seconds} s on`)}`;
    case "closedLoop":
      return `${options["concurrency"]} at a time${whereSaid(options, "thinkSeconds", (seconds) => ` with ${seconds} s between`)}`;
    case "poisson":
      return `${options["perSecond"]} per second at random`;
    case "atOnce":
      return "all at once";
    default:
      return [kind, ...Object.entries(options).map(([name, value]) => `${name} ${value}`)].join(" ");
  }
}

function whereSaid(options: Options, name: string, phrase: (value: string) => string): string {
  const value = options[name];
  return value === undefined ? "" : phrase(String(value));
}
