import { addressOf } from "../http/addressOf.ts";
import type { Wire } from "../model/engine.ts";
import type { Ending, Exchange, ExchangeListener, Line, Prepared, Replies } from "../model/exchange.ts";
import { defaultDeadlines } from "../model/experiment.ts";
import type { Clock } from "../model/host.ts";
import { failed, type Outcome } from "../model/outcome.ts";
import type { Request } from "../model/request.ts";
import { querySecrets } from "../model/serverUrl.ts";
import { toNanoseconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { withoutSecrets } from "./complaint.ts";
import type { Connection, ConnectionUser } from "./connection.ts";
import { unlimited, type ConnectionBudget } from "./connectionBudget.ts";
import { Members, type Member } from "./members.ts";
import { Pool } from "./pool.ts";
import { ReplyReader } from "./replyReader.ts";
import { stampsWhenRead, type ReceiveStamps } from "../host/receiveStamps.ts";
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
  /** Connections opened ahead of the clock, where fewer will do than there are requests. */
  readonly opensAtMost?: number;
}

/** A line that can be asked what is under way on it. */
export interface WatchedLine extends Line {
  readonly isInUse: boolean;
  /** The last one it began, which may have ended. */
  readonly latest: Exchange | undefined;
}

/** The way to an engine that speaks HTTP/1.1: one write per request, one stamp per read. */
export function httpLine(options: HttpLineOptions): WatchedLine {
  return new HttpLine(options);
}

/** Without the request, which would grow old with it. */
interface PreparedBytes {
  readonly bytes: Buffer;
  readonly keepText: boolean;
  readonly maxOutputTokens: number;
}

/** A server that closes without having read, however late its busy loop comes to it, has its kernel throw the bytes back: so late it is still no failure. */
const latestThrownBack = toNanoseconds(0.5);
/**
 * One that had closed before it was written to tells so within a round trip: over loopback within 0.2 to 2.8 ms. A proxy before it may be
 * later, and so may we be where the machine is busy.
 */
const shortestRace = toNanoseconds(0.05);
/** Connections opened for whoever follows at once are given up when nobody has for so long: a server may serve nobody else meanwhile. */
const patienceForNobody = toNanoseconds(1);
/** `[DONE]` came, and the body's end usually with it: so long we wait for it, so that whoever follows can have the connection… */
const patienceForFollowers = toNanoseconds(0.005);
/** …and so long before a connection whose body never ends is given up. */
const patienceForBody = toNanoseconds(1);

class HttpLine implements WatchedLine {
  readonly clock: Clock;
  readonly pool: Pool;
  readonly connectWithin: Nanoseconds;
  readonly secrets: readonly string[];
  readonly leavesOutZeros: boolean;
  private readonly opensAtMost: number;
  private readonly keepsText: boolean;
  private readonly write: RequestWriter;
  readonly inFlight = new Members<HttpExchange>();
  /** Under way on connections that their server will close. */
  private closing = 0;
  /** Set while nothing is under way and connections wait for nobody. */
  private stopGivingUp: (() => void) | undefined;
  private hasSpares = false;
  latest: HttpExchange | undefined;
  /** Prepared and not sent yet: each will want a connection soon. */
  private waiting = 0;

  constructor(options: HttpLineOptions) {
    const { url, wire, servedModel, clock, acceptAnyCertificate = false, connectWithin = defaultDeadlines.connect } = options;
    const parsed = new URL(url);
    this.clock = clock;
    this.write = requestWriter({ url: parsed, wire, servedModel, namesRequests: options.namesRequests ?? false });
    this.connectWithin = toNanoseconds(connectWithin);
    const server = { ...addressOf(parsed), acceptAnyCertificate };
    const stamps = options.stamps ?? stampsWhenRead(clock);
    this.pool = new Pool({ server, clock, stamps }, this.connectWithin, options.budget ?? unlimited);
    this.secrets = [wire.apiKey ?? "", decodeURIComponent(parsed.password), ...querySecrets(url)].filter(Boolean);
    this.leavesOutZeros = wire.leavesOutZeros === true;
    this.opensAtMost = options.opensAtMost ?? Infinity;
    this.keepsText = options.keepsText ?? false;
  }

  async open(connections: number): Promise<void> {
    this.waiting = 0;
    await this.pool.open(Math.min(connections, this.opensAtMost));
  }

  prepare(request: Request, replies: Replies, keepText: boolean): PreparedBytes {
    this.waiting++;
    this.cancelGivingUp();
    this.pool.refresh(Math.min(this.waiting, this.opensAtMost));
    const { maxOutputTokens } = request;
    return { bytes: this.write(request, replies), keepText: keepText || this.keepsText, maxOutputTokens };
  }

  send(prepared: Prepared, listener: ExchangeListener): Exchange {
    this.waiting = Math.max(0, this.waiting - 1);
    // Made by `prepare` of this line, as every Prepared it is given.
    const exchange = new HttpExchange(this, prepared as PreparedBytes, listener);
    this.inFlight.add(exchange);
    this.latest = exchange;
    this.pool.uses(1);
    exchange.start();
    return exchange;
  }

  /** The connection of one more, or of one fewer (-1), is going to be closed: whoever follows at once shall find one that is open. */
  closes(change: 1 | -1): void {
    this.closing += change;
    if (change < 0) return;
    this.hasSpares = true;
    this.pool.refresh(Math.min(this.closing, this.opensAtMost));
  }

  /** An exchange has left. */
  left(isClosing: boolean): void {
    this.pool.uses(-1);
    if (isClosing) this.closes(-1);
    if (this.hasSpares && this.waiting === 0 && this.inFlight.size === 0) this.giveUpSpares();
  }

  private giveUpSpares(): void {
    this.cancelGivingUp();
    this.stopGivingUp = this.clock.at(this.clock.now() + patienceForNobody, () => {
      this.stopGivingUp = undefined;
      this.hasSpares = false;
      this.pool.closeUnused();
    });
  }

  private cancelGivingUp(): void {
    this.stopGivingUp?.();
    this.stopGivingUp = undefined;
  }

  discard(): void {
    this.waiting = Math.max(0, this.waiting - 1);
  }

  get isInUse(): boolean {
    return this.inFlight.size > 0;
  }

  close(): void {
    for (const exchange of this.inFlight.list()) exchange.abort({ kind: "cancelled" });
    this.cancelGivingUp();
    this.pool.close();
  }
}

/** One request and its response. */
class HttpExchange implements Exchange, ConnectionUser, Member {
  place = -1;
  private readonly line: HttpLine;
  private readonly bytes: Buffer;
  private readonly listener: ExchangeListener;
  private readonly reply: ReplyReader;
  private connection: Connection | undefined;
  /** The connection was open before this request: its server may have closed it without our knowing yet. */
  private isReused = false;
  /** Its server has said that it will close the connection after this reply. */
  private isClosing = false;
  private sentAt: Nanoseconds = 0;
  private hasEnded = false;
  private stopWaiting: () => void = () => {};

  constructor(line: HttpLine, { bytes, keepText, maxOutputTokens }: PreparedBytes, listener: ExchangeListener) {
    this.line = line;
    this.bytes = bytes;
    this.listener = listener;
    const { secrets, leavesOutZeros } = line;
    this.reply = new ReplyReader({ listener, keepText, maxOutputTokens, secrets, leavesOutZeros });
  }

  start(): void {
    const open = this.line.pool.take();
    if (open === undefined) this.sendOnFresh();
    else this.sendOn(open);
  }

  opened(): void {
    this.stopWaiting();
    this.listener.opened(this.line.clock.now());
  }

  received(at: Nanoseconds, bytes: Buffer, length: number): void {
    const { isDone: wasDone, hasFailed: hadFailed } = this.reply;
    this.reply.read(at, bytes, length);
    if (this.reply.closesConnection && !this.isClosing) {
      this.isClosing = true;
      this.line.closes(1);
    }
    if (this.reply.isOver) this.end(at, this.reply.ending());
    else if (this.reply.isDone && !wasDone) this.endWithoutBody(at);
    else if (this.reply.hasFailed && !hadFailed) this.giveUpBody(at);
  }

  lost(at: Nanoseconds, cause: Error | undefined): void {
    const { connection } = this;
    this.connection = undefined;
    if (connection?.isOpen !== true) {
      const code = isOurOwnLimit(cause) ? "exhausted" : "refused";
      this.end(at, this.reply.ending(failed(code, this.explained(cause, "the connection could not be opened"))));
    } else if (this.isReused && !this.reply.hasStarted && at - this.sentAt <= raceLasts(connection, cause)) {
      this.sendOnFresh();
    } else {
      this.reply.close(cause);
      this.end(at, this.reply.ending());
    }
  }

  abort(outcome: Outcome): void {
    this.end(this.line.clock.now(), this.reply.ending(outcome));
  }

  private sendOn(connection: Connection): void {
    this.connection = connection;
    this.isReused = true;
    connection.user = this;
    const at = this.line.clock.now();
    this.sentAt = at;
    this.listener.sent(at, true);
    connection.send(this.bytes, at);
  }

  private sendOnFresh(): void {
    this.isReused = false;
    const { clock, pool, connectWithin } = this.line;
    const began = clock.now();
    this.listener.sent(began, false);
    const connection = pool.connect();
    if (connection === undefined) {
      this.stopWaiting = clock.at(began, () => this.abort(failed("exhausted", "this process can open no more connections: ulimit -n")));
      return;
    }
    this.stopWaiting = clock.at(began + connectWithin, () =>
      this.abort(failed("connect-timeout", `no connection within ${connectWithin / 1e9} s`)),
    );
    this.connection = connection;
    connection.user = this;
    connection.send(this.bytes, began);
  }

  /** No part of the answer is missing. It has ended when nobody waits for its body any more: whoever follows was not late before. */
  private endWithoutBody(at: Nanoseconds): void {
    const { clock } = this.line;
    this.stopWaiting();
    this.stopWaiting = clock.at(at + patienceForFollowers, () => {
      this.stopWaiting = clock.at(at + patienceForBody, () => this.leave());
      this.tellEnd(clock.now(), this.reply.ending());
    });
  }

  /** Nothing that comes makes an error untold. */
  private giveUpBody(at: Nanoseconds): void {
    const { clock } = this.line;
    this.stopWaiting = clock.at(at + patienceForBody, () => this.end(clock.now(), this.reply.ending()));
  }

  private end(at: Nanoseconds, ending: Ending): void {
    this.leave(); // first: who hears of the end may want the connection
    this.tellEnd(at, ending);
  }

  private tellEnd(at: Nanoseconds, ending: Ending): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.listener.ended(at, ending);
  }

  private leave(): void {
    this.stopWaiting();
    this.leaveConnection();
    if (this.line.inFlight.remove(this)) this.line.left(this.isClosing);
  }

  private leaveConnection(): void {
    const { connection } = this;
    this.connection = undefined;
    if (connection === undefined) return;
    if (this.reply.leavesOpen && !connection.hasUnsent) this.line.pool.giveBack(connection, this.reply.idleTimeout);
    else connection.destroy();
  }

  private explained(cause: Error | undefined, otherwise: string): string {
    // Where a name has several addresses, Node tries them all and puts what went wrong into one error without a message.
    const first = cause instanceof AggregateError && cause.errors[0] instanceof Error ? cause.errors[0] : cause;
    return withoutSecrets(first?.message ?? otherwise, this.line.secrets);
  }
}

/**
 * How long after it was written to a connection may turn out to have been closed before. If it is later, the server had taken the request,
 * and it shall not get that one twice.
 */
function raceLasts({ tookToOpen }: Connection, cause: Error | undefined): Nanoseconds {
  return isThrownBack(cause) ? latestThrownBack : Math.min(latestThrownBack, Math.max(shortestRace, 2 * tookToOpen));
}

/** A server that has read everything hangs up in good order. */
function isThrownBack(cause: Error | undefined): boolean {
  const code = codeOf(cause);
  return code === "ECONNRESET" || code === "EPIPE";
}

/** Files of this process or machine, ports towards this server, memory for sockets. */
function isOurOwnLimit(cause: Error | undefined): boolean {
  const code = codeOf(cause);
  return code === "EMFILE" || code === "ENFILE" || code === "EADDRNOTAVAIL" || code === "ENOBUFS";
}

function codeOf(cause: Error | undefined): unknown {
  return cause !== undefined && "code" in cause ? cause.code : undefined;
}
