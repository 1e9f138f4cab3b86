import type { Recorder, StampKind } from "../../src/model/recorder.ts";

/** Puts each stamp down, as any recorder must, over older ones; and counts tokens. */
export class Counted implements Recorder {
  events: number;
  private readonly began: () => void;
  private readonly stamps: Float64Array;
  private hasBegun: boolean;

  /** `began`: the first request is due. */
  constructor(began: () => void) {
    this.events = 0;
    this.began = began;
    this.stamps = new Float64Array(65_536);
    this.hasBegun = false;
  }

  due({ request }: Parameters<Recorder["due"]>[0]): number {
    if (!this.hasBegun) this.began();
    this.hasBegun = true;
    return request;
  }

  stamp(_exchange: number, kind: StampKind, at: number): void {
    if (kind === "text") this.stamps[this.events++ & 65_535] = at;
  }

  texts(_exchange: number, at: number, events: number): void {
    for (let event = 0; event < events; event++) this.stamps[this.events++ & 65_535] = at;
  }

  ended(exchange: number, _at: number, { outcome }: Parameters<Recorder["ended"]>[2]): void {
    if (outcome.kind !== "completed") throw new Error(`request ${exchange}: ${JSON.stringify(outcome)}`);
  }

  reading(): void {}
}
