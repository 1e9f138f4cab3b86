import type { ChunkKind, Ending, Exchange, ExchangeListener } from "../model/exchange.ts";
import type { Deadlines } from "../model/experiment.ts";
import { failed, type Outcome } from "../model/outcome.ts";
import type { Recorder } from "../model/recorder.ts";
import { toNanoseconds, toSeconds, type Nanoseconds } from "../model/time.ts";
import type { Member } from "./members.ts";
import type { Step } from "./steps.ts";
import type { Tally } from "./tally.ts";

export interface FlightOptions {
  readonly recorder: Recorder;
  readonly tally: Tally;
  readonly home: FlightHome;
}

/** Who sends flights off, and hears of their ends. */
export interface FlightHome {
  /** After the recorder has been told. */
  flightEnded(flight: Flight, at: Nanoseconds, ending: Ending): void;
}

/** One request under way: passes on what is stamped and remembers what its deadlines depend on. */
export class Flight implements ExchangeListener, Member {
  place: number;
  readonly step: Step;
  /** Set once the line has taken it. */
  exchange: Exchange | undefined;
  hasEnded: boolean;
  private readonly engine: string;
  private readonly number: number;
  private readonly options: FlightOptions;
  private sentAt: Nanoseconds;
  private attempts: number;
  private lastAt: Nanoseconds;
  private hasToken: boolean;

  /** `number`: the recorder's for this exchange. `now`: deadlines run from here until it is sent. */
  constructor(step: Step, number: number, now: Nanoseconds, options: FlightOptions) {
    this.place = -1;
    this.step = step;
    this.engine = step.turn.engine;
    this.number = number;
    this.options = options;
    this.exchange = undefined;
    this.hasEnded = false;
    this.sentAt = now;
    this.attempts = 0;
    this.lastAt = now;
    this.hasToken = false;
  }

  sent(at: Nanoseconds, reused: boolean): void {
    this.sentAt = at;
    this.options.recorder.stamp(this.number, "sent", at, reused ? 1 : 0);
    if (this.attempts++ === 0) this.options.tally.sent(this.engine);
  }

  headers(at: Nanoseconds, status: number): void {
    this.options.recorder.stamp(this.number, "headers", at, status);
  }

  chunk(at: Nanoseconds, kind: ChunkKind, tokens: number): void {
    this.options.recorder.stamp(this.number, kind, at, tokens);
    this.lastAt = at;
    if (kind === "text" || kind === "reasoning" || kind === "tool") this.tokenCame(at);
  }

  texts(at: Nanoseconds, events: number): void {
    this.options.recorder.texts(this.number, at, events);
    this.lastAt = at;
    this.tokenCame(at);
  }

  ended(at: Nanoseconds, ending: Ending): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    const { recorder, tally, home } = this.options;
    recorder.ended(this.number, at, ending);
    tally.ended(this.engine, ending.outcome);
    home.flightEnded(this, at, ending);
  }

  /** When it is too late, if nothing more happens. */
  expires(deadlines: Deadlines): Nanoseconds {
    const next = this.hasToken ? this.lastAt + toNanoseconds(deadlines.idle) : this.sentAt + toNanoseconds(deadlines.firstToken);
    return Math.min(next, this.sentAt + toNanoseconds(deadlines.request));
  }

  /** What it has missed by then. */
  expired(now: Nanoseconds, { firstToken, idle, request }: Deadlines): Outcome {
    if (now >= this.sentAt + toNanoseconds(request)) return failed("request-timeout", `not complete within ${request} s`);
    if (this.hasToken) return failed("idle-timeout", `nothing came for ${idle} s within the stream`);
    return failed("first-token-timeout", `no token within ${firstToken} s`);
  }

  private tokenCame(at: Nanoseconds): void {
    if (this.hasToken) return;
    this.hasToken = true;
    this.options.tally.firstToken(this.engine, toSeconds(at - this.sentAt));
  }
}
