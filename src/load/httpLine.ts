import { stampsWhenRead, type ReceiveStamps } from "../host/receiveStamps.ts";
import { addressOf } from "../http/addressOf.ts";
import type { Wire } from "../model/engine.ts";
import type { Exchange, ExchangeListener, Line, Prepared, Replies } from "../model/exchange.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Clock } from "../model/host.ts";
import type { Request } from "../model/request.ts";
import { querySecrets } from "../model/serverUrl.ts";
import { toNanoseconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { unlimited, type ConnectionBudget } from "./connectionBudget.ts";
import { HttpExchange, type ExchangeHome, type PreparedBytes } from "./httpExchange.ts";
import { Members } from "./members.ts";
import { Pool } from "./pool.ts";
import { requestWriter, type RequestWriter } from "./requestBytes.ts";

export interface HttpLineOptions {
  /** Base URL, with or without `/v1`; its query goes with every request. */
  readonly url: string;
  readonly wire: Wire;
  /** As requests must name it. */
  readonly servedModel: string;
  readonly clock: Clock;
  /** Of its connections; when they are read unless said. */
  readonly stamps?: ReceiveStamps;
  /** https without looking at the certificate. */
  readonly acceptAnyCertificate?: boolean;
  /** How long a connection may take to open. */
  readonly connectWithin?: Seconds;
  /** Each request says its id as `X-Request-Id`: only for servers that write down what they did, since real ones refuse an id twice. */
  readonly namesRequests?: boolean;
  /** Every reply's text is kept, whatever its request says. */
  readonly keepsText?: boolean;
  /** Shared by all lines of a thread. */
  readonly budget?: ConnectionBudget;
  /** Connections opened ahead of the clock, where fewer will do than there are requests. With 0 none is kept either: a server may serve nobody else meanwhile. */
  readonly opensAtMost?: number;
}

/** A line that can be asked what is under way on it. */
export interface WatchedLine extends Line {
  readonly isInUse: boolean;
  /** The last one it began, which may have ended. */
  readonly latest: Exchange | undefined;
  /** Replies that came when all requests of their connection had been answered. */
  readonly unasked: number;
}

/** The way to an engine that speaks HTTP/1.1: one write per request, one stamp per read. */
export function httpLine(options: HttpLineOptions): WatchedLine {
  return new HttpLine(options);
}

/** Connections opened for whoever follows at once are given up when nobody has for so long: a server may serve nobody else meanwhile. */
const patienceForNobody = toNanoseconds(1);

class HttpLine implements WatchedLine, ExchangeHome {
  readonly clock: Clock;
  readonly pool: Pool;
  readonly connectWithin: Nanoseconds;
  readonly secrets: readonly string[];
  readonly leavesOutZeros: boolean;
  latest: HttpExchange | undefined;
  unasked = 0;
  private readonly opensAtMost: number;
  private readonly keepsText: boolean;
  private readonly write: RequestWriter;
  private readonly inFlight = new Members<HttpExchange>();
  /** Not sent yet, but in a moment: each will want a connection. */
  private expected = 0;
  /** Under way on connections that their server will close. */
  private closing = 0;
  /** Connections were opened for whoever follows. */
  private hasSpares = false;
  private stopGivingUp: () => void = () => {};

  constructor({
    url,
    wire,
    servedModel,
    clock,
    stamps = stampsWhenRead(clock),
    acceptAnyCertificate = false,
    connectWithin = defaultDeadlines.connect,
    namesRequests = false,
    keepsText = false,
    budget = unlimited,
    opensAtMost = Infinity,
  }: HttpLineOptions) {
    const parsed = new URL(url);
    const server = { ...addressOf(parsed), acceptAnyCertificate };
    this.clock = clock;
    this.connectWithin = toNanoseconds(connectWithin);
    this.pool = new Pool({ server, clock, stamps, unasked: () => void this.unasked++ }, this.connectWithin, budget);
    this.secrets = [wire.apiKey ?? "", ...querySecrets(url)].filter(Boolean);
    this.leavesOutZeros = wire.leavesOutZeros === true;
    this.opensAtMost = opensAtMost;
    this.keepsText = keepsText;
    this.write = requestWriter({ url: parsed, wire, servedModel, namesRequests });
  }

  async open(connections: number): Promise<void> {
    this.expected = 0;
    await this.pool.open(Math.min(connections, this.opensAtMost));
  }

  get opensWithin(): Nanoseconds {
    return this.pool.opensWithin;
  }

  prepare(request: Request, replies: Replies, keepText: boolean): PreparedBytes {
    const { maxOutputTokens } = request;
    return { bytes: this.write(request, replies), keepText: keepText || this.keepsText, maxOutputTokens };
  }

  expect(): void {
    this.expected++;
    this.stopGivingUp();
    this.pool.refresh(Math.min(this.expected, this.opensAtMost));
  }

  send(prepared: Prepared, listener: ExchangeListener): Exchange {
    this.expected = Math.max(0, this.expected - 1);
    // Made by `prepare` of this line, as every Prepared it is given.
    const exchange = new HttpExchange(this, prepared as PreparedBytes, listener);
    this.inFlight.add(exchange);
    this.latest = exchange;
    this.pool.uses(1);
    exchange.start();
    return exchange;
  }

  discard(): void {
    this.expected = Math.max(0, this.expected - 1);
  }

  get keepsOpen(): boolean {
    return this.opensAtMost > 0;
  }

  /** Whoever follows at once shall find one that is open. */
  closes(): void {
    this.closing++;
    this.hasSpares = true;
    this.pool.refresh(Math.min(this.closing, this.opensAtMost));
  }

  left(exchange: HttpExchange, isClosing: boolean): void {
    if (!this.inFlight.remove(exchange)) return;
    this.pool.uses(-1);
    if (isClosing) this.closing--;
    if (this.hasSpares && this.expected === 0 && !this.isInUse) this.giveUpSpares();
  }

  private giveUpSpares(): void {
    this.stopGivingUp();
    this.stopGivingUp = this.clock.at(this.clock.now() + patienceForNobody, () => {
      this.hasSpares = false;
      this.pool.closeUnused();
    });
  }

  get isInUse(): boolean {
    return this.inFlight.size > 0;
  }

  close(): void {
    for (const exchange of this.inFlight.list()) exchange.abort({ kind: "cancelled" });
    this.stopGivingUp();
    this.pool.close();
  }
}
