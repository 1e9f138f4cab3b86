import type { TestResult } from "./result.ts";
import type { RunEvent } from "./runEvent.ts";

/** What became of what a harness had started, that was itself gone before: in a sentence. Its own ground-truth engine is among the processes. */
export function afterwards(event: Extract<RunEvent, { kind: "endedAfterUs" | "gpuMemoryBack" }>): string {
  const after = event.after.toFixed(event.after < 10 ? 1 : 0);
  if (event.kind === "gpuMemoryBack") return `GPU ${event.gpu} had its memory back ${after} s after the harness was gone`;
  if (event.count === 0) return `no ${event.what} that the harness had started were left when it was gone`;
  return `${event.count} ${event.count === 1 ? singular[event.what] : event.what} that the harness had started ended ${after} s after it was gone`;
}

const singular = { processes: "process", containers: "container" } as const;

const starts: ReadonlySet<RunEvent["kind"]> = new Set(["calibrating", "booting", "serviceStarting"]);
const ends: ReadonlySet<RunEvent["kind"]> = new Set(["testEnded", "endedAfterUs"]);

/** Of a run that was cut off, as long as nobody has told what became of what it had started. */
export function untoldAfterwards({ events, stillRunning = false }: Pick<TestResult, "events" | "stillRunning">): readonly string[] {
  const has = (kinds: ReadonlySet<RunEvent["kind"]>) => events.some(({ event }) => kinds.has(event.kind));
  if (stillRunning || has(ends) || !has(starts)) return [];
  return [
    "what became of the processes that the harness had started is not told yet; where that stays so, its watchdog was killed too, and some of them may be left",
  ];
}
