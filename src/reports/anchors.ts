import { isSentAgain } from "../measure/latency.ts";
import { lagCause, type LagCause } from "../measure/lateness.ts";
import type { Distribution, EngineSummary } from "../model/figures.ts";
import type { ExperimentResult } from "../model/result.ts";
import type { Block } from "./document.ts";
import { counted, duration } from "./numbers.ts";

/** Said when counting from when requests were due tells another story than from when they were sent, by a tenth: what it is, and who was late. */
export function anchorSentences(summaries: readonly EngineSummary[], experiment: ExperimentResult): readonly Block[] {
  return summaries.flatMap((summary): readonly Block[] => {
    const { engine, ttft, ttftFromDue, e2e, e2eFromDue } = summary;
    const apart = [differences("TTFT", ttftFromDue, ttft), differences("E2E latency", e2eFromDue, e2e)].filter((text) => text !== "");
    if (apart.length === 0) return [];
    const own = experiment.records.filter((record) => record.engine === engine);
    const text = [
      `${engine}: from when requests were due, ${apart.join("; ")}. That is what a user waits; from when they were sent it is what the engine takes.`,
      whoWasLate(lagCause(experiment, engine), summary, own.filter(isSentAgain).length),
      ...(own.some(({ after }) => after !== undefined) ? [ofFollowers] : []),
    ].join(" ");
    return [{ kind: "paragraph", tone: "warning", text }];
  });
}

/** "TTFT is 330 ms instead of 300 ms (median) and 900 ms instead of 500 ms (p99)": the median and the highest percentile there is, where they differ. */
function differences(name: string, fromDue: Distribution, fromSent: Distribution): string {
  const tail = fromSent.p99 === undefined ? "p90" : "p99";
  const found = (["p50", tail] as const).flatMap((at) => {
    const [due, sent] = [fromDue[at], fromSent[at]];
    if (due === undefined || sent === undefined || due <= sent * 1.1) return [];
    return [`${duration(due)} instead of ${duration(sent)} (${at === "p50" ? "median" : at})`];
  });
  return found.length === 0 ? "" : `${name} is ${found.join(" and ")}`;
}

function whoWasLate(cause: LagCause | undefined, { sendLag }: EngineSummary, again: number): string {
  const lags = `${duration(sendLag.p50)} (median), at most ${duration(sendLag.max)}`;
  switch (cause) {
    case "atOnce":
      return `Many fell due at once and were written one after the other, each as late as those before it take: ${lags}.`;
    case "again":
      return `${counted(again, "request")} had to be sent again, because the server had closed the connection: the attempt that was answered counts.`;
    default:
      return `The harness was late, with what it sent: ${lags}.`;
  }
}

const ofFollowers = "What follows another request is due when that one has ended: its wait for that end is in neither.";
