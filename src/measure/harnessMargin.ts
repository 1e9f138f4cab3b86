import type { ComparedMetric, EngineSummary, Summary } from "../model/figures.ts";
import type { ExperimentResult } from "../model/result.ts";
import type { Seconds } from "../model/time.ts";
import { known } from "./known.ts";
import { rulerErrorOf, tailOfError, type RulerSource } from "./rulerError.ts";
import { ratio } from "./verdicts.ts";

const sources = ["control stream", "replay after"] as const satisfies readonly RulerSource[];

/** The harness's own error in an experiment, as a share of what was measured: smaller differences cannot be told. Empty where it is unknown. */
export function harnessMargin(
  experiment: ExperimentResult,
  summaries: readonly EngineSummary[],
): Readonly<Partial<Record<ComparedMetric, number>>> {
  const stamp = largest(experiment, "stamp");
  const ttft = errorOfTtft(experiment);
  const shortestTtft = least(summaries, (summary) => summary.ttft.p50);
  const shortestDecode = least(summaries, ({ e2e, ttft: first }) =>
    e2e.p50 === undefined || first.p50 === undefined ? undefined : e2e.p50 - first.p50,
  );
  return known({
    ttft: ratio(ttft, shortestTtft),
    // Throughput within a request lies between two stamps, each as wrong as any.
    throughput: ratio(stamp === undefined ? undefined : 2 * stamp, shortestDecode),
  });
}

/** A first token is stamped as any other, and there are twenty others for each: what befalls one in fifty of them a few first ones need not have met. */
function errorOfTtft(experiment: ExperimentResult): Seconds | undefined {
  const ttft = largest(experiment, "ttft");
  return ttft === undefined ? undefined : Math.max(ttft, largest(experiment, "stamp") ?? 0);
}

/** The larger of what the stream of control and the replay found: of each the highest percentile that its values carry. */
export function largest({ readings }: ExperimentResult, of: "ttft" | "stamp" | "gap"): Seconds | undefined {
  const found = sources.flatMap((source) => rulerErrorOf(readings, source)?.[of] ?? []).map(tailOfError);
  return found.length === 0 ? undefined : Math.max(...found);
}

function least(summaries: readonly EngineSummary[], value: (summary: Summary) => number | undefined): number | undefined {
  const values = summaries
    .flatMap(({ cold, partial, warm, ...all }) => [cold, partial, warm, all].map(value))
    .filter((one) => one !== undefined && one > 0);
  return values.length === 0 ? undefined : Math.min(...(values as number[])); // filtered just above
}
