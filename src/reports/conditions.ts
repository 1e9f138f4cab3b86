import { limitsOf } from "../measure/validityLimits.ts";
import { afterwards, untoldAfterwards } from "../model/afterwards.ts";
import type { Deadlines, Order, Slo } from "../model/experiment.ts";
import { groupedSize } from "../model/grouped.ts";
import type { LimitName } from "../model/limits.ts";
import type { EngineDescription, ExperimentDescription, TestResult } from "../model/result.ts";
import { shellWord } from "../model/shellWord.ts";
import type { Options } from "../model/workload.ts";
import type { Block, Fact } from "./document.ts";
import { limitsTable, withUnit } from "./limits.ts";
import { asked, count, counted, duration, missing, percent } from "./numbers.ts";
import { proofBlocks } from "./proofBlocks.ts";
import { isVirtual } from "./virtual.ts";

/** Everything it takes to do the run again. */
export function conditions(result: TestResult): readonly Block[] {
  const { description, facts } = result;
  return [
    { kind: "heading", level: 2, text: "Conditions of the run" },
    ...description.engines.flatMap((engine, index) => engineBlocks(engine, index, facts[engine.name] ?? {})),
    ...proofBlocks(result),
    { kind: "heading", level: 3, text: "Experiments" },
    experimentTable(description.experiments),
    ...deadlineSentences(description.experiments),
    ...happenings(result),
    ...(isVirtual(description) ? [] : manifestBlocks(result)),
    ...limitsTable(description.experiments),
  ];
}

/** "10 requests to each engine, every 8 s, engines together, seed 1". */
export function experimentSettings(description: ExperimentDescription, engines: number): string {
  const { workload, arrivals, prompts, order, repeats, seed, cacheState, margin, slo } = description;
  const toEach = engines === 1 ? "" : " to each engine";
  const inOrder = engines === 1 || order === undefined ? "" : `, ${orderPhrases[order]}`;
  const asText = prompts === undefined ? "" : ", prompts as text";
  const blocks = repeats === 1 ? "" : `, in each of ${count(repeats)} blocks`;
  const caches = cacheState === undefined ? "" : cachePhrases[cacheState];
  const drawn = seed === undefined ? "" : `, seed ${seed}`;
  const least = margin === undefined ? "" : `, margin ${percent(margin)}`;
  const what = `${counted(workload.requests, "request")}${toEach}, ${arrivalsPhrase(arrivals)}${asText}${inOrder}`;
  return `${what}${blocks}${caches}${least}${limitsPhrase(description)}${slo === undefined ? "" : `, to keep ${sloPhrase(slo)}`}${drawn}.`;
}

/** "TTFT within 500 ms and TPOT within 50 ms": of each request. */
export function sloPhrase({ ttft, tpot, e2e }: Slo): string {
  const named = [["TTFT", ttft] as const, ["TPOT", tpot] as const, ["E2E", e2e] as const];
  return named.flatMap(([name, most]) => (most === undefined ? [] : [`${name} within ${asked(most)}`])).join(" and ");
}

/** Where its validity is judged otherwise than usual. */
function limitsPhrase(description: ExperimentDescription): string {
  const changed = Object.entries(description.limits ?? {}).map(([name, change]) => {
    const { unit } = limitsOf(description)[name as LimitName]; // a key of the changes
    const states =
      change === false ? [] : Object.entries(change).map(([state, value]) => `${state.toUpperCase()} above ${withUnit(unit, value)}`);
    return `, ${name} ${states.length === 0 ? "not judged" : states.join(" and ")}`;
  });
  return changed.join("");
}

const cachePhrases: Readonly<Record<NonNullable<ExperimentDescription["cacheState"]>, string>> = {
  cold: ", caches emptied before",
  primed: ", every context asked about before",
  asItIs: "",
};

/** Of several engines. */
export const orderPhrases: Readonly<Record<Order, string>> = {
  together: "engines at the same time",
  inTurn: "one engine after the other",
  interleaved: "engines alternating, each moved by its share of the mean gap",
};

/** "one every 8 s". */
export function arrivalsPhrase({ kind, options, phrase }: ExperimentDescription["arrivals"]): string {
  if (phrase !== undefined) return phrase;
  const details = optionsText(options);
  return details === "" ? `arrivals ${kind}` : `arrivals ${kind} (${details})`;
}

function engineBlocks(engine: EngineDescription, index: number, facts: Readonly<Record<string, string>>): readonly Block[] {
  const { name, kind, model, simulated, features, gpus, url, api, command, environment } = engine;
  const rows = [
    { name: "Engine", value: `${kind}${simulated && kind !== "simulated" ? ", simulated" : ""} (engine_id ${index} in the CSV)` },
    { name: "Model", value: model },
    { name: "Features", value: features.join("; ") },
    { name: "GPUs", value: gpus.join(", ") },
    { name: "URL", value: url ?? "" },
    { name: "API", value: api ?? "" },
    ...factsOf(facts).map(({ name, value }) => ({ name: capitalised(name), value: groupedSize(value) })),
    {
      name: "Environment, added",
      value: factsOf(environment?.added ?? {})
        .map(({ name, value }) => `${name}=${value}`)
        .join("  "),
    },
    { name: "Environment, removed", value: (environment?.removed ?? []).join(", ") },
  ];
  return [
    { kind: "heading", level: 3, text: `Engine ${name}` },
    { kind: "facts", facts: rows.filter(({ value }) => value !== "") },
    ...(command === undefined ? [] : [{ kind: "code", text: command.map(shellWord).join(" ") } as const]),
  ];
}

function factsOf(facts: Readonly<Record<string, string>>): readonly Fact[] {
  return Object.entries(facts).map(([name, value]) => ({ name, value }));
}

function capitalised(name: string): string {
  return name === "cpu" || name === "gpu" ? name.toUpperCase() : `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function experimentTable(experiments: readonly ExperimentDescription[]): Block {
  return {
    kind: "table",
    columns: [
      { title: "Experiment", align: "left" },
      { title: "Workload", align: "left", wide: true },
      { title: "Its hash", align: "left" },
      { title: "Seed", align: "right" },
    ],
    rows: experiments.map(({ title, workload, seed }) => [
      title,
      [workload.kind, optionsText(workload.options)].filter(Boolean).join(": "),
      workload.hash?.slice(0, 12) ?? missing,
      seed === undefined ? missing : String(seed),
    ]),
  };
}

function deadlineSentences(experiments: readonly ExperimentDescription[]): readonly Block[] {
  const texts = new Set(experiments.flatMap(({ deadlines }) => (deadlines === undefined ? [] : [deadlinesPhrase(deadlines)])));
  return [...texts].map((text) => ({ kind: "paragraph", tone: "quiet", text: `Deadlines in seconds: ${text}.` }));
}

/** "connect 5, first token 120, idle stream 60, whole request 600": in seconds. */
export function deadlinesPhrase({ connect, firstToken, idle, request, send, experiment }: Deadlines): string {
  const late = send === undefined ? "" : `, sent after its time ${send}`;
  const whole = experiment === undefined ? "" : `, experiment ${experiment}`;
  return `connect ${connect}, first token ${firstToken}, idle stream ${idle}, whole request ${request}${late}${whole}`;
}

function optionsText(options: Options): string {
  return Object.entries(options)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${String(value)}`]))
    .join(", ");
}

function happenings(result: TestResult): readonly Block[] {
  const told = result.events.flatMap(({ event }) => {
    switch (event.kind) {
      case "warning":
        return [event.message];
      case "notUp":
        return [`${event.engine} did not come up: ${event.message}`];
      case "portShared":
        return [`${event.engine}: ${event.message}`];
      case "unwell":
        return [`${event.name} was unwell: ${event.message}`];
      case "wellAgain":
        return [`${event.name} was well again after ${duration(event.lasted)}`];
      case "died":
        return [`${event.engine} ended by itself: ${event.message}`];
      case "restarted":
        return [`${event.engine} was started anew: ${event.message}`];
      case "serviceNotUp":
        return [`${event.service} did not come up: ${event.message}`];
      case "serviceDied":
        return [`${event.service}, which ${event.engines.join(" and ")} needed, ended by itself: ${event.message}`];
      case "endedAfterUs":
      case "gpuMemoryBack":
        return [afterwards(event)];
      case "interrupted":
        return [`interrupted by ${event.signal}`];
      default:
        return [];
    }
  });
  const items = [...told, ...untoldAfterwards(result)];
  return items.length === 0
    ? []
    : [
        { kind: "heading", level: 3, text: "What happened" },
        { kind: "list", items },
      ];
}

function manifestBlocks({ manifest }: TestResult): readonly Block[] {
  const facts = [
    { name: "Started", value: manifest.startedAt },
    { name: "Tandem", value: manifest.tandem },
    ...factsOf(manifest.host).map(({ name, value }) => ({ name: capitalised(name), value })),
  ];
  return [
    { kind: "heading", level: 3, text: "Where and when" },
    { kind: "facts", facts },
    { kind: "code", text: manifest.commandLine.map(shellWord).join(" ") },
  ];
}
