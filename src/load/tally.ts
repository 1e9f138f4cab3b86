import type { Outcome } from "../model/outcome.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";

type RequestsEvent = Extract<RunEvent, { readonly kind: "requests" }>;
type Counts = { -readonly [Name in "sent" | "ended" | "dropped" | "failed" | "ttft"]: RequestsEvent[Name] };

/** How far each engine's requests have come: counted as they come, and told now and then, since an event for each would cost more than its request. */
export class Tally {
  private readonly experiment: number;
  private readonly tell: (event: RequestsEvent) => void;
  private counts = new Map<string, Counts>();

  constructor(experiment: number, tell: (event: RequestsEvent) => void) {
    this.experiment = experiment;
    this.tell = tell;
  }

  sent(engine: string): void {
    this.of(engine).sent++;
  }

  firstToken(engine: string, ttft: Seconds): void {
    this.of(engine).ttft = ttft;
  }

  ended(engine: string, { kind }: Outcome): void {
    const counts = this.of(engine);
    counts.ended++;
    if (kind !== "completed") counts.failed++;
    if (kind === "dropped") counts.dropped++;
  }

  /** Tells what has come since it was last told. */
  pass(): void {
    const { counts } = this;
    this.counts = new Map();
    for (const [engine, of] of counts) this.tell({ kind: "requests", experiment: this.experiment, engine, ...of });
  }

  private of(engine: string): Counts {
    const known = this.counts.get(engine);
    if (known !== undefined) return known;
    const counts: Counts = { sent: 0, ended: 0, dropped: 0, failed: 0, ttft: undefined };
    this.counts.set(engine, counts);
    return counts;
  }
}
