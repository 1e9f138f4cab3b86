import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Nanoseconds } from "../model/time.ts";

/** Engines that did not come up, or were gone before an experiment was over for them, and services: they were then others than those asked for. */
export function deathReasons(experiment: ExperimentResult, events: readonly TimedEvent[]): readonly ValidityReason[] {
  const told = events.filter((one) => !isConsequence(one, events));
  return told.flatMap(({ at, event }) => reasonsOf(event, (engine) => needAt(engine, at, experiment, events)));
}

/** Of an engine or a service by its name: when it died, where that makes the experiment INVALID. */
export function deathOf(name: string, experiment: ExperimentResult, events: readonly TimedEvent[]): Nanoseconds | undefined {
  return events.find(({ at, event }) => {
    if (event.kind === "died") return event.engine === name && needAt(name, at, experiment, events) !== "over";
    if (event.kind !== "serviceDied" || event.service !== name) return false;
    return event.engines.some((engine) => needAt(engine, at, experiment, events) !== "over");
  })?.at;
}

type Need = "to come" | "now" | "over";

/** Engines of several batches play the same experiments one batch after the other: for each engine an experiment is over at another time. */
function needAt(engine: string, at: Nanoseconds, { index }: ExperimentResult, events: readonly TimedEvent[]): Need {
  const place = events.findIndex(
    ({ event }) => event.kind === "experimentStarted" && event.experiment === index && event.engines.includes(engine),
  );
  const started = events[place];
  if (started === undefined || at < started.at) return "to come";
  const ended = events.slice(place).find(({ event }) => event.kind === "experimentEnded" && event.experiment === index);
  return ended === undefined || at <= ended.at ? "now" : "over";
}

/** A boot that was cut short, by a person or by what ended elsewhere and is told in its words: that is the reason, and this is none. */
function isConsequence({ at, event }: TimedEvent, events: readonly TimedEvent[]): boolean {
  if (event.kind !== "notUp") return false;
  return events.some(({ at: before, event: other }) => {
    if (other.kind === "interrupted") return before <= at;
    return other !== event && isEnd(other) && firstLine(event).endsWith(`: ${firstLine(other)}`);
  });
}

function isEnd(event: RunEvent): event is Extract<RunEvent, { kind: "notUp" | "serviceNotUp" | "serviceDied" }> {
  return event.kind === "notUp" || event.kind === "serviceNotUp" || event.kind === "serviceDied";
}

function reasonsOf(event: RunEvent, needOf: (engine: string) => Need): readonly ValidityReason[] {
  switch (event.kind) {
    case "notUp":
      return [{ ...lookThere, ...advised(event.hint), what: ofItself(event), engine: event.engine }];
    case "serviceNotUp":
      return [{ ...lookThere, what: firstLine(event) }];
    case "died": {
      const need = needOf(event.engine);
      if (need === "over") return [];
      const when = need === "now" ? "while it was measured" : "before this experiment began";
      return [{ ...lookThere, what: `${firstLine(event).replace(`${event.engine} `, "")} ${when}`, engine: event.engine }];
    }
    case "serviceDied":
      return event.engines
        .filter((engine) => needOf(engine) !== "over")
        .map((engine) => ({ ...lookThere, what: `${firstLine(event)} while engines needed it`, engine }));
    default:
      return [];
  }
}

const lookThere = { state: "INVALID", advice: "see why in its log, and run it again" } as const;

function advised(hint: string | undefined): Partial<ValidityReason> {
  return hint === undefined ? {} : { advice: hint };
}

/** "was ended by SIGKILL before it was ready": a reason names its engine by itself. */
function ofItself(event: { readonly engine: string; readonly message: string }): string {
  const line = firstLine(event);
  const start = `engine ${event.engine} `;
  return line.startsWith(start) ? line.slice(start.length) : `did not come up: ${line}`;
}

/** The others are its command and the end of its log, for which reports have a place of their own. */
function firstLine({ message }: { readonly message: string }): string {
  return message.split("\n")[0] ?? "";
}
