import type { Line } from "../model/exchange.ts";
import type { Clock } from "../model/host.ts";
import type { RunningEngine } from "../model/running.ts";
import type { Asker } from "./askedPrompt.ts";
import { lineTo } from "./runExperiment.ts";
import type { UnmeasuredDeadlines } from "./unmeasured.ts";

type Lines = Readonly<Record<string, Line>>;

/** The main thread's own ways to a batch's engines, for all that is asked of them and not measured. */
export class OwnLines implements Disposable {
  /** By engine name; prompts go as token ids where the engine takes them. */
  readonly usual: Lines;
  private readonly asText: Lines;
  private readonly clock: Clock;
  private readonly deadlines: UnmeasuredDeadlines;

  constructor(engines: readonly RunningEngine[], clock: Clock, deadlines: UnmeasuredDeadlines) {
    const linesTo = (asText: boolean) =>
      Object.fromEntries(engines.map((engine) => [engine.name, lineTo(engine, clock, deadlines.later.connect, { asText })]));
    this.usual = linesTo(false);
    this.asText = linesTo(true);
    this.clock = clock;
    this.deadlines = deadlines;
  }

  /** Of each engine, in the order of a batch. */
  askers(asText: boolean, stop: AbortSignal): readonly Asker[] {
    const lines = Object.entries(asText ? this.asText : this.usual);
    return lines.map(([name, line]) => ({ name, line, clock: this.clock, stop, deadlines: this.deadlines.later }));
  }

  [Symbol.dispose](): void {
    for (const line of [...Object.values(this.usual), ...Object.values(this.asText)]) line.close();
  }
}
