import type { Ending, Exchange, ExchangeListener } from "../model/exchange.ts";
import type { Clock } from "../model/host.ts";
import { failed, type FailureCode, type Outcome } from "../model/outcome.ts";
import { toNanoseconds, toSeconds, type Nanoseconds } from "../model/time.ts";
import { withoutSecrets } from "./complaint.ts";
import type { Connection, ConnectionUser } from "./connection.ts";
import type { Member } from "./members.ts";
import type { Pool } from "./pool.ts";
import { ReplyReader } from "./replyReader.ts";

/** All that sending takes. The request itself is let go: kept until it is due, it would outlive the youngest generation of the heap. */
export interface PreparedBytes {
  readonly bytes: Buffer;
  readonly keepText: boolean;
  readonly maxOutputTokens: number;
}

/** The line that an exchange is on. */
export interface ExchangeHome {
  readonly clock: Clock;
  readonly pool: Pool;
  readonly connectWithin: Nanoseconds;
  /** Never to be seen in a message, whatever the server answers. */
  readonly secrets: readonly string[];
  readonly leavesOutZeros: boolean;
  /** Connections are kept for whoever comes next. */
  readonly keepsOpen: boolean;
  /** The connection of one more is going to be closed by its server. */
  closes(): void;
  /** It needs its connection no more: may be told again. `isClosing`: `closes` was told of it. */
  left(exchange: HttpExchange, isClosing: boolean): void;
}

/** A server that closes without having read, however late its busy loop comes to it, has its kernel throw the bytes back: so late it is still no failure. */
const latestThrownBack = toNanoseconds(0.5);
/**
 * One that had closed before it was written to tells so within a round trip: over loopback within 0.2 to 2.8 ms. A proxy before it may be
 * later, and so may we be where the machine is busy.
 */
const shortestRace = toNanoseconds(0.05);
/** `[DONE]` came, and the body's end usually with it: so long we wait for it, so that whoever follows can have the connection… */
const patienceForFollowers = toNanoseconds(0.005);
/** …and so long before a connection whose body never ends is given up. */
const patienceForBody = toNanoseconds(1);

/** One request and its response. */
export class HttpExchange implements Exchange, ConnectionUser, Member {
  place = -1;
  private readonly line: ExchangeHome;
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

  constructor(line: ExchangeHome, { bytes, keepText, maxOutputTokens }: PreparedBytes, listener: ExchangeListener) {
    this.line = line;
    this.bytes = bytes;
    this.listener = listener;
    const { secrets, leavesOutZeros } = line;
    this.reply = new ReplyReader({ listener, keepText, maxOutputTokens, secrets, leavesOutZeros });
  }

  start(): void {
    const open = this.line.pool.take();
    if (open === undefined) this.sendOnFresh();
    else this.sendOnOpen(open);
  }

  private sendOnOpen(connection: Connection): void {
    this.isReused = true;
    this.sentAt = this.line.clock.now();
    this.listener.sent(this.sentAt, true);
    this.sendOn(connection, this.sentAt);
  }

  private sendOnFresh(): void {
    this.isReused = false;
    const { clock, pool, connectWithin } = this.line;
    const began = clock.now();
    this.listener.sent(began, false);
    const connection = pool.connect();
    if (connection === undefined) return this.abortAt(began, "exhausted", "this process can open no more connections: ulimit -n");
    this.abortAt(began + connectWithin, "connect-timeout", `no connection within ${toSeconds(connectWithin)} s`);
    this.sendOn(connection, began);
  }

  private sendOn(connection: Connection, at: Nanoseconds): void {
    this.connection = connection;
    connection.user = this;
    connection.send(this.bytes, at);
  }

  private abortAt(time: Nanoseconds, code: FailureCode, message: string): void {
    this.stopWaiting = this.line.clock.at(time, () => this.abort(failed(code, message)));
  }

  opened(): void {
    this.stopWaiting();
    this.listener.opened(this.line.clock.now());
  }

  received(at: Nanoseconds, bytes: Buffer, length: number): void {
    const { isDone: wasDone, hasFailed: hadFailed } = this.reply;
    this.reply.read(at, bytes, length);
    if (this.connection === undefined) return; // whoever heard of it has given it up
    if (this.reply.closesConnection && !this.isClosing) {
      this.isClosing = true;
      this.line.closes();
    }
    if (this.reply.isOver) this.end(at, this.reply.ending());
    else if (this.reply.isDone && !wasDone) this.endWithoutBody(at);
    else if (this.reply.hasFailed && !hadFailed) this.giveUpBody(at);
  }

  lost(at: Nanoseconds, cause: Error | undefined): void {
    const { connection } = this;
    this.connection = undefined;
    if (connection?.isOpen !== true) {
      this.end(at, this.reply.ending(notOpened(cause, this.line.secrets)));
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

  /** The answer is whole, its body is not yet. It is said to end when the wait for that does: whoever follows falls due then, and was not kept waiting. */
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
    this.line.left(this, this.isClosing);
  }

  private leaveConnection(): void {
    const { connection } = this;
    this.connection = undefined;
    if (connection === undefined) return;
    if (this.reply.isAnsweredTwice) connection.unasked();
    const isKept = this.line.keepsOpen && this.reply.leavesOpen && !connection.hasUnsent;
    if (isKept) this.line.pool.giveBack(connection, this.reply.idleTimeout);
    else connection.destroy();
  }
}

/** Why a connection could not be opened. */
function notOpened(cause: Error | undefined, secrets: readonly string[]): Outcome {
  // Where a name has several addresses, Node tries them all and puts what went wrong into one error without a message.
  const first = cause instanceof AggregateError && cause.errors[0] instanceof Error ? cause.errors[0] : cause;
  const message = withoutSecrets(first?.message ?? "the connection could not be opened", secrets);
  return failed(isOurOwnLimit(cause) ? "exhausted" : "refused", message);
}

/** Files of this process or machine, ports towards this server, memory for sockets. */
function isOurOwnLimit(cause: Error | undefined): boolean {
  const code = codeOf(cause);
  return code === "EMFILE" || code === "ENFILE" || code === "EADDRNOTAVAIL" || code === "ENOBUFS";
}

/**
 * A connection that had been closed before it was written to tells so within this time. Later than that, the server had taken the request,
 * and shall not get it twice.
 */
function raceLasts({ tookToOpen }: Connection, cause: Error | undefined): Nanoseconds {
  return isThrownBack(cause) ? latestThrownBack : Math.min(latestThrownBack, Math.max(shortestRace, 2 * tookToOpen));
}

/** A server that has read everything hangs up in good order. */
function isThrownBack(cause: Error | undefined): boolean {
  const code = codeOf(cause);
  return code === "ECONNRESET" || code === "EPIPE";
}

function codeOf(cause: Error | undefined): unknown {
  return cause !== undefined && "code" in cause ? cause.code : undefined;
}
