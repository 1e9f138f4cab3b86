import type { Recorder } from "../../src/model/recorder.ts";
import type { Load } from "./load.ts";
import { errorsAgainstTruth, spread, type Measured, type Received } from "./measured.ts";

/** Keeps what is compared with the truth; in bulk it counts, and writes each stamp down as any recorder must. */
export class Memory implements Recorder {
  private readonly load: Load;
  private readonly began: () => void;
  private hasBegun: boolean;
  private readonly replies: Received[];
  private readonly lags: number[];
  private readonly stamps: Float64Array;
  private dueAt: number;
  private events: number;

  /** `began`: the first request is due. */
  constructor(load: Load, began: () => void) {
    this.load = load;
    this.began = began;
    this.hasBegun = false;
    this.replies = [];
    this.lags = [];
    this.stamps = new Float64Array(65_536);
    this.dueAt = 0;
    this.events = 0;
  }

  due({ request, start, due }: Parameters<Recorder["due"]>[0]): number {
    if (!this.hasBegun) this.began();
    this.hasBegun = true;
    if (this.load.paced) this.replies[request] = { sent: 0, tokens: [] };
    this.dueAt = start + due;
    return request;
  }

  stamp(exchange: number, kind: Parameters<Recorder["stamp"]>[1], at: number): void {
    if (kind === "text") {
      this.stamps[this.events++ & 65_535] = at;
      this.replies[exchange]?.tokens.push(at);
    } else if (kind === "sent") {
      if (this.load.rate > 0) this.lags.push(at - this.dueAt);
      const reply = this.replies[exchange];
      if (reply !== undefined) reply.sent = at;
    }
  }

  ended(exchange: number, _at: number, { outcome }: Parameters<Recorder["ended"]>[2]): void {
    if (outcome.kind !== "completed") throw new Error(`request ${exchange}: ${JSON.stringify(outcome)}`);
  }

  reading(): void {}

  async errors(): Promise<Measured> {
    const { requests, tokens, port, paced, rate } = this.load;
    if (this.events !== requests * tokens) throw new Error(`${this.events} of ${requests * tokens} events`);
    const lag = rate > 0 ? { send_lag_us: spread(this.lags) } : {};
    return paced ? { ...lag, ...(await errorsAgainstTruth(port, (request) => this.replies[request])) } : lag;
  }
}
