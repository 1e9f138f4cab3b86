import type { RunEvent } from "./runEvent.ts";

/** What became of what a harness had started, that was itself gone before: in a sentence. */
export function afterwards(event: Extract<RunEvent, { kind: "endedAfterUs" | "gpuMemoryBack" }>): string {
  const after = `${event.after.toFixed(event.after < 10 ? 1 : 0)} s after the harness was gone`;
  if (event.kind === "gpuMemoryBack") return `GPU ${event.gpu} had its memory back ${after}`;
  if (event.count === 0) return `of engines and services no ${event.what} were left when the harness was gone`;
  return `${event.count} ${event.count === 1 ? singular[event.what] : event.what} of engines and services ended ${after}`;
}

const singular = { processes: "process", containers: "container" } as const;
