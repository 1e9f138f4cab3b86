import { realClock } from "../host/realClock.ts";
import { LoadCrew } from "../run/loadCrew.ts";
import type { Call } from "./flags.ts";

/**
 * The threads that a run will send and read with, before it is known what it will run: they load and rehearse for a second, on another core, while
 * the rest of the command is loaded, plans and asks servers what they are. Undefined where nothing will be sent over a socket.
 */
export function crewAhead({ options }: Pick<Call, "options">): LoadCrew | undefined {
  if (options["list"] === true || options["simulate"] !== undefined) return undefined;
  return LoadCrew.start((options["workers"] as number | undefined) ?? 1, realClock(), options["calibration"] !== false);
}
