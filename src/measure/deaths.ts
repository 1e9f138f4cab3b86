import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Nanoseconds } from "../model/time.ts";

/** Engines that did not come up, or were gone before an experiment was over, and services: their engines were then others than those asked for. */
export function deathReasons(experiment: ExperimentResult, events: readonly TimedEvent[]): readonly ValidityReason[] {
  const over = overAt(experiment, events);
  const told = events.filter(({ at, event }) => at <= over || event.kind === "notUp");
  return told.filter((one) => !isConsequence(one, events)).flatMap(({ event }) => reasonsOf(event));
}

/** Of an engine or a service by its name: when it died, where that makes the experiment INVALID. */
export function deathOf(name: string, experiment: ExperimentResult, events: readonly TimedEvent[]): Nanoseconds | undefined {
  const over = overAt(experiment, events);
  return events.find(({ at, event }) => {
    const isItsOwn = (event.kind === "died" && event.engine === name) || (event.kind === "serviceDied" && event.service === name);
    return isItsOwn && at <= over;
  })?.at;
}

/** After its last request there is a last look at its servers, which may find that one is gone: until then it is not over. */
function overAt({ index, span }: ExperimentResult, events: readonly TimedEvent[]): Nanoseconds {
  const ends = events.flatMap(({ at, event }) => (event.kind === "experimentEnded" && event.experiment === index ? [at] : []));
  return span === undefined ? Infinity : Math.max(span.to, ...ends);
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

function reasonsOf(event: RunEvent): readonly ValidityReason[] {
  switch (event.kind) {
    case "notUp":
      return [{ ...lookThere, ...advised(event.hint), what: ofItself(event), engine: event.engine }];
    case "serviceNotUp":
      return [{ ...lookThere, what: firstLine(event) }];
    case "died":
      return [{ ...lookThere, what: `${firstLine(event).replace(`${event.engine} `, "")} while it was measured`, engine: event.engine }];
    case "serviceDied":
      return event.engines.map((engine) => ({ ...lookThere, what: `${firstLine(event)} while engines needed it`, engine }));
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
