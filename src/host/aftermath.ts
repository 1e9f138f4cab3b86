import { appendFileSync } from "node:fs";

import type { RunEvent } from "../model/runEvent.ts";
import type { Aftermath } from "../model/running.ts";

/** Leaves a word for whoever reads the journal of a harness that is gone. A file of its own for each who does: a line that was cut off is then the last. */
export function tellAfterwards({ files, origin }: Aftermath, from: keyof Aftermath["files"], event: RunEvent): void {
  const [seconds, nanoseconds] = process.hrtime([...origin]);
  try {
    appendFileSync(files[from], `${JSON.stringify({ at: seconds * 1e9 + nanoseconds, event })}\n`);
  } catch {
    // The run's directory is gone, or its disk is full: nobody is left to be told.
  }
}
