import { areByKernel, receiveStamps } from "../measure/receiveStamps.ts";
import { isAlike, replayedLoadOf } from "../measure/replayedLoad.ts";
import { nameOfTail, rulerErrorOf, tailOfError, type ErrorSize, type RulerError, type RulerSource } from "../measure/rulerError.ts";
import type { ExperimentResult } from "../model/result.ts";
import type { Block } from "./document.ts";
import { count, counted, duration, plain } from "./numbers.ts";

const sources = ["control stream", "replay after"] as const satisfies readonly RulerSource[];

const quantities: readonly (readonly [keyof RulerError, string])[] = [
  ["ttft", "TTFT"],
  ["stamp", "A token's stamp"],
  ["gap", "Gap between tokens"],
  ["slip", "Sent late by"],
];

/** What the harness was off by, against an engine that knows the truth, and who stamped; nothing where nothing was measured. */
export function harnessErrorTable(experiment: ExperimentResult): readonly Block[] {
  const { readings } = experiment;
  const found = sources.flatMap((source) => {
    const error = rulerErrorOf(readings, source);
    return error === undefined ? [] : [{ title: titleOf(source, readings), error }];
  });
  const stampedBy = stampedBySentence(experiment);
  const stamps: readonly Block[] = stampedBy === undefined ? [] : [{ kind: "paragraph", tone: "quiet", text: stampedBy }];
  if (found.length === 0) return stamps;
  const right = found.map(({ title }) => ({ title, align: "right" as const }));
  const rows = quantities.map(([quantity, name]) => [name, ...found.map(({ error }) => sizesOf(error[quantity]))]);
  return [
    { kind: "heading", level: 3, text: "The harness's own error at this load" },
    { kind: "table", columns: [{ title: "Median, and p99, p98, p95 or the largest", align: "left" }, ...right], rows },
    ...stamps,
  ];
}

function titleOf(source: (typeof sources)[number], readings: ExperimentResult["readings"]): string {
  return source === "control stream" ? "Beside it, one stream" : `After it, ${replayedLoad(readings)}`;
}

/** The very load, or where another one had to be played, which, and in place of what. */
function replayedLoad(readings: ExperimentResult["readings"]): string {
  const load = replayedLoadOf(readings);
  if (load === undefined) return "the same load";
  const { replayed, observed } = load;
  const others = [
    ...(replayed.streams === observed.streams ? [] : [`${counted(replayed.streams, "stream")} in place of ${count(observed.streams)}`]),
    ...(isAlike(replayed.tokensPerSecond, observed.tokensPerSecond)
      ? []
      : [`${plain(replayed.tokensPerSecond)} tokens/s in place of ${plain(observed.tokensPerSecond)}`]),
  ];
  return others.length === 0 ? "the same load" : others.join(" and ");
}

function stampedBySentence(experiment: ExperimentResult): string | undefined {
  const stamps = receiveStamps(experiment);
  if (stamps === undefined) return undefined;
  const { kernel, read } = stamps;
  if (kernel === 0) return "What was received is stamped when it is read.";
  const rest = read === 0 ? "" : ` (${count(read)} of ${count(kernel + read)} reads were stamped when they were read)`;
  return `What was received is stamped by the kernel, when it came in${rest}.`;
}

function sizesOf(size: ErrorSize | undefined): string {
  return size === undefined ? "–" : `${sizes(size)}, of ${count(size.count)}`;
}

/** The worse of the two in one line for a terminal; undefined where nothing was measured. */
export function harnessErrorLine(experiment: ExperimentResult): string | undefined {
  const { readings } = experiment;
  const found = sources.flatMap((source) => rulerErrorOf(readings, source) ?? []);
  if (found.length === 0) return undefined;
  const [ttft, stamp, gap] = [
    worst(found.map((error) => error.ttft)),
    worst(found.map((error) => error.stamp)),
    worst(found.map((error) => error.gap)),
  ];
  const by = areByKernel(receiveStamps(experiment)) ? "; stamped by the kernel" : "";
  return `TTFT ${sizes(ttft)}; a token's stamp ${sizes(stamp)}; gaps ${sizes(gap)}${by}`;
}

/** What differences are held against, too: see measure/harnessMargin.ts. */
function worst(found: readonly (ErrorSize | undefined)[]): ErrorSize | undefined {
  return found.reduce(
    (most, one) => (one !== undefined && (most === undefined || tailOfError(one) > tailOfError(most)) ? one : most),
    undefined,
  );
}

function sizes(size: ErrorSize | undefined): string {
  if (size === undefined) return "–";
  return `${duration(size.p50)}, ${nameOfTail(size)} ${duration(tailOfError(size))}`;
}
