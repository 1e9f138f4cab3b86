import { isGenerated, type ChunkKind, type Ending, type Exchange, type ExchangeListener } from "../model/exchange.ts";
import type { Deadlines } from "../model/experiment.ts";
import { failed, type Outcome } from "../model/outcome.ts";
import type { Recorder } from "../model/recorder.ts";
import { toNanoseconds, toSeconds, type Nanoseconds } from "../model/time.ts";
import type { Member } from "./members.ts";
import type { Step } from "./steps.ts";
import type { Tally } from "./tally.ts";

export type FlightLimits = Readonly<Record<"firstToken" | "idle" | "request", Nanoseconds>>;

export function limitsOf({ firstToken, idle, request }: Deadlines): FlightLimits {
  return { firstToken: toNanoseconds(firstToken), idle: toNanoseconds(idle), request: toNanoseconds(request) };
}

export interface FlightOptions {
  readonly limits: FlightLimits;
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
  place = -1;
  readonly step: Step;
  /** Set once the line has taken it. */
  exchange: Exchange | undefined;
  hasEnded = false;
  /** When it is too late, if nothing more happens. */
  expires: Nanoseconds;
  /** It was found too late before. */
  wasOverdue = false;
  private readonly engine: string;
  private readonly number: number;
  private readonly options: FlightOptions;
  private sentAt: Nanoseconds;
  private attempts = 0;
  private hasToken = false;

  /** `number`: the recorder's for this exchange. `now`: deadlines run from here until it is sent. */
  constructor(step: Step, number: number, now: Nanoseconds, options: FlightOptions) {
    this.step = step;
    this.engine = step.turn.engine;
    this.number = number;
    this.options = options;
    this.sentAt = now;
    this.expires = this.expiresUnlessToken();
  }

  sent(at: Nanoseconds, reused: boolean): void {
    this.sentAt = at;
    this.expires = this.expiresUnlessToken();
    this.options.recorder.stamp(this.number, "sent", at, reused ? 1 : 0);
    if (this.attempts++ === 0) this.options.tally.sent(this.engine);
  }

  opened(at: Nanoseconds): void {
    this.options.recorder.stamp(this.number, "opened", at, 0);
  }

  headers(at: Nanoseconds, status: number): void {
    this.options.recorder.stamp(this.number, "headers", at, status);
  }

  chunk(at: Nanoseconds, kind: ChunkKind, tokens: number): void {
    if (at > this.expires) return this.giveUp(at);
    this.options.recorder.stamp(this.number, kind, at, tokens);
    if (isGenerated(kind)) this.tokenCame(at);
    this.postpone(at);
    if (kind === "done") this.expires = Infinity; // no deadline that passes later makes it untold
  }

  texts(at: Nanoseconds, events: number): void {
    if (at > this.expires) return this.giveUp(at);
    this.options.recorder.texts(this.number, at, events);
    this.tokenCame(at);
    this.postpone(at);
  }

  ended(at: Nanoseconds, ending: Ending): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    const { recorder, tally, home } = this.options;
    const told = at > this.expires && ending.outcome.kind === "completed" ? { ...ending, outcome: this.expired(at) } : ending;
    recorder.ended(this.number, at, told);
    tally.ended(this.engine, told.outcome);
    home.flightEnded(this, at, told);
  }

  /** The earliest moment at which it may be too late, whatever comes from now on: its first token may come at once, and nothing after it. */
  mayExpire(now: Nanoseconds): Nanoseconds {
    return this.hasToken ? this.expires : Math.min(this.expires, now + this.options.limits.idle);
  }

  /** It has missed a deadline by then: by the stamps of what came, or because nothing did. */
  giveUp(at: Nanoseconds): void {
    if (!this.hasEnded) this.exchange?.abort(this.expired(at));
  }

  private expired(now: Nanoseconds): Outcome {
    const { firstToken, idle, request } = this.options.limits;
    if (now >= this.sentAt + request) return failed("request-timeout", `not complete within ${toSeconds(request)} s`);
    if (this.hasToken) return failed("idle-timeout", `no event came for ${toSeconds(idle)} s within the stream`);
    return failed("first-token-timeout", `no token within ${toSeconds(firstToken)} s`);
  }

  private expiresUnlessToken(): Nanoseconds {
    const { firstToken, request } = this.options.limits;
    return this.sentAt + Math.min(firstToken, request);
  }

  private tokenCame(at: Nanoseconds): void {
    if (this.hasToken) return;
    this.hasToken = true;
    this.options.tally.firstToken(this.engine, toSeconds(at - this.sentAt));
  }

  /** From the first token on, what comes moves the deadline. */
  private postpone(at: Nanoseconds): void {
    const { idle, request } = this.options.limits;
    if (this.hasToken) this.expires = Math.min(at + idle, this.sentAt + request);
  }
}
