import type { Stamped } from "../measure/rulerError.ts";
import type { Recorder, StampKind } from "../model/recorder.ts";

/** Keeps stamps in memory: of a calibration, what is computed of them is written down, they are not. */
export class StampsInMemory implements Recorder {
  readonly stamped: (Stamped & { sent: number; tokens: number[] })[] = [];

  due({ request, start, due }: Parameters<Recorder["due"]>[0]): number {
    return this.stamped.push({ id: String(request), due: start + due, sent: start + due, tokens: [] }) - 1;
  }

  stamp(exchange: number, kind: StampKind, at: number): void {
    const of = this.stamped[exchange];
    if (of === undefined) return;
    if (kind === "sent") of.sent = at;
    else if (kind === "text") of.tokens.push(at);
  }

  texts(exchange: number, at: number, events: number): void {
    for (let event = 0; event < events; event++) this.stamped[exchange]?.tokens.push(at);
  }

  ended(): void {}

  reading(): void {}
}
