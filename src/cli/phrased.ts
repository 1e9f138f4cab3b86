import { atOnce } from "../arrivals/atOnce.ts";
import { closedLoop, type ClosedLoopOptions } from "../arrivals/closedLoop.ts";
import { every, type EveryOptions } from "../arrivals/every.ts";
import { poisson, type PoissonOptions } from "../arrivals/poisson.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { ExperimentDescription, TestResult } from "../model/result.ts";
import type { Arrivals } from "../model/workload.ts";

type Described = ExperimentDescription["arrivals"];

/** A result whose built-in arrivals have their words: journals did not keep them at first. */
export function phrased(result: TestResult): TestResult {
  const withWords = (description: ExperimentDescription) => ({
    ...description,
    arrivals: { ...description.arrivals, ...phraseOf(description.arrivals) },
  });
  return {
    ...result,
    description: { ...result.description, experiments: result.description.experiments.map(withWords) },
    experiments: result.experiments.map((experiment) => ({ ...experiment, description: withWords(experiment.description) })),
  };
}

function phraseOf(arrivals: Described): Pick<Arrivals, "phrase"> {
  if (arrivals.phrase !== undefined) return {};
  const phrase = builtIn(arrivals)?.phrase;
  return phrase === undefined ? {} : { phrase };
}

/** Nothing where an author's own go by the same name with other options. */
function builtIn({ kind, options }: Described): Arrivals | undefined {
  const given: unknown = options; // what makes them looks at them
  try {
    switch (kind) {
      case "atOnce":
        return atOnce();
      case "every":
        return every(given as EveryOptions);
      case "poisson":
        return poisson(given as PoissonOptions);
      case "closedLoop":
        return closedLoop(given as ClosedLoopOptions);
      default:
        return undefined;
    }
  } catch (error) {
    if (error instanceof HarnessError) return undefined;
    throw error;
  }
}
