import type { Experiment, Slo } from "../model/experiment.ts";
import type { Arrivals } from "../model/workload.ts";

/**
 * Experiments of one test. Those that share a title say in what they differ too, or where it is nothing that has a name, their number: every
 * report names experiments by their titles.
 */
export function titledApart(experiments: readonly Experiment[]): readonly Experiment[] {
  const alike = Map.groupBy(experiments, ({ title }) => title);
  const titles = experiments.map((experiment) => {
    const others = (alike.get(experiment.title) ?? []).map(traitsOf);
    const own = [...traitsOf(experiment)].filter(([name, phrase]) => others.some((traits) => traits.get(name) !== phrase));
    return [experiment.title, ...own.map(([, phrase]) => phrase)].join(", ");
  });
  return experiments.map((experiment, index) => {
    const title = titles[index] ?? experiment.title;
    const isTaken = titles.indexOf(title) !== titles.lastIndexOf(title);
    return { ...experiment, title: isTaken ? `${title}, experiment ${index}` : title };
  });
}

/** What experiments may differ in, in words: seeds are left out, since those of one test always differ. */
function traitsOf({ workload, arrivals, order, repeats, cacheState, margin, slo }: Experiment): ReadonlyMap<string, string> {
  const options = Object.entries(workload.options).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return new Map([
    ["arrivals", shortPhrase(arrivals)],
    ...options.map(([name, value]) => [`option ${name}`, `${name} ${value}`] as const),
    ["cacheState", cacheState === undefined ? "caches as they are" : cachePhrases[cacheState]],
    ["order", order === undefined ? "usual order" : `order ${order}`],
    ["repeats", repeats === 1 ? "1 block" : `${repeats} blocks`],
    ["margin", margin === undefined ? "usual margin" : `margin ${margin}`],
    ["slo", sloPhrase(slo)],
  ]);
}

function sloPhrase(slo: Slo = {}): string {
  const named = Object.entries(slo).map(([name, most]) => `${name} within ${most} s`);
  return named.length === 0 ? "no objectives" : named.join(" and ");
}

const cachePhrases = { cold: "caches cold", primed: "caches primed", asItIs: "caches as they are" } as const;

/** Where it has no words of its own every option is in it, since arrivals may differ in any. */
function shortPhrase({ kind, options, phrase }: Arrivals): string {
  return phrase ?? [kind, ...Object.entries(options).map(([name, value]) => `${name} ${value}`)].join(" ");
}
