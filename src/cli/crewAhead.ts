import { realClock } from "../host/realClock.ts";
import type { StampSource } from "../model/exchange.ts";
import { LoadCrew } from "../run/loadCrew.ts";
import type { Call } from "./flags.ts";

/**
 * `tandem run`, with threads that send and read before it is known what it will run: they load and rehearse for a second, on another core, while
 * the rest of the command is loaded, plans and asks servers what they are.
 */
export async function runWithCrewAhead(call: Call): Promise<(call: Call) => Promise<number>> {
  await using unlessLoaded = new AsyncDisposableStack();
  const crew = unlessLoaded.use(crewFor(call));
  const { run } = await import("./run.ts");
  unlessLoaded.move(); // it disposes of them
  return async (called) => run(called, crew);
}

/** Undefined where nothing will be sent over a socket. */
function crewFor({ options }: Call): LoadCrew | undefined {
  if (options["list"] === true || options["simulate"] !== undefined) return undefined;
  return LoadCrew.start((options["workers"] as number | undefined) ?? 1, realClock(), {
    stamps: options["stamps"] as StampSource | undefined, // as its parser returned it
    calibrates: options["calibration"] !== false,
  });
}
