import { mistakeIn, notNegative, oneOf, shown, type OptionRule } from "../model/checkOptions.ts";

const knownArrival = oneOf("at", "after");

/** What is wrong with one of an author's own; undefined when nothing is. `position` is the rule for the request that it may wait for. */
export function mistakeInArrival(value: unknown, position: OptionRule): string | undefined {
  if (typeof value !== "object" || value === null) return `arrival must be an object, not ${shown(value)}`;
  const { kind, offset, request, pause }: Readonly<Record<string, unknown>> = { ...value };
  if (kind === "at") return mistakeIn("arrival.offset", offset, notNegative);
  if (kind !== "after") return mistakeIn("arrival.kind", kind, knownArrival);
  return mistakeIn("arrival.request", request, position) ?? mistakeIn("arrival.pause", pause, notNegative);
}
