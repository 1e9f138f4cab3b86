import type { ValidityReason } from "../model/figures.ts";
import type { ExperimentResult, TimedEvent } from "../model/result.ts";
import type { RunEvent } from "../model/runEvent.ts";

/** Engines that did not come up, or were gone before an experiment was over, and services: their engines were then others than those asked for. */
export function deathReasons({ span }: ExperimentResult, events: readonly TimedEvent[]): readonly ValidityReason[] {
  return events.flatMap(({ at, event }) => {
    const isLater = span !== undefined && at > span.to && event.kind !== "notUp";
    return isLater ? [] : reasonsOf(event);
  });
}

function reasonsOf(event: RunEvent): readonly ValidityReason[] {
  switch (event.kind) {
    case "notUp":
      return [{ ...lookThere, what: `did not come up: ${firstLine(event).replace(`engine ${event.engine} `, "")}`, engine: event.engine }];
    case "died":
      return [{ ...lookThere, what: `${firstLine(event).replace(`${event.engine} `, "")} while it was measured`, engine: event.engine }];
    case "serviceDied":
      return event.engines.map((engine) => ({ ...lookThere, what: `${firstLine(event)} while engines needed it`, engine }));
    default:
      return [];
  }
}

const lookThere = { state: "INVALID", advice: "see why in its log, and run it again" } as const;

/** The others are its command and the end of its log, for which reports have a place of their own. */
function firstLine({ message }: { readonly message: string }): string {
  return message.split("\n")[0] ?? "";
}
