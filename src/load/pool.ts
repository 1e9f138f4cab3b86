import type { Clock } from "../model/host.ts";
import { toNanoseconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { Connection, type Dialling } from "./connection.ts";
import type { ConnectionBudget } from "./connectionBudget.ts";
import { RecentPeak } from "./recentPeak.ts";

/** Servers close what has been idle for 5 s (uvicorn, and so vLLM): older ones are not used. */
const freshFor = toNanoseconds(4);
/** Before what a server has said: it counts from when it wrote, and we from when we had read that. */
const beforeTimeout: Seconds = 1;
/** Opened at once. More, and the server's queue of unaccepted connections overflows. */
const batch = 64;
/** Stale ones closed with each request that is expected or sent: two hundred closed at once took 20 ms, and the requests that were due then waited. */
const mostClosed = 1;
/** Kept ready for as many expected requests, even where fewer connections were used at a time of late. */
const fewest = 64;
/** Of the longest time that a connection took to open, with each one that takes less. */
const remembered = 0.98;
/** Besides what it takes to open a connection: this thread may be at something else. No round number, or in a regular schedule another request would be due just then. */
const openingSlack = toNanoseconds(0.0103);
/** A server that takes no connections is left alone for so long, but for the requests themselves. */
const restAfterRefusal = toNanoseconds(0.5);

/** A connection that is being opened for nobody yet. */
interface Opening {
  readonly connection: Connection;
  /** Somebody has it now, and what becomes of it is theirs. */
  readonly taken: () => void;
}

/**
 * Open connections to one server. Taken first are those that were used, the most recent one before the others; then those that nobody has used yet, in the
 * order in which they were opened: a server that serves as many connections as it has workers serves the first ones. Beyond what the process
 * can open there is no limit: it would be a queue that nobody sees.
 */
export class Pool {
  private readonly dialling: Dialling;
  private readonly clock: Clock;
  private readonly connectWithin: Nanoseconds;
  private readonly budget: ConnectionBudget;
  /** Ascending by `staleFrom`. */
  private used: Connection[] = [];
  private unused: Connection[] = [];
  /** Opened for nobody yet, in the order in which they were begun. */
  private opening: Opening[] = [];
  private isClosed = false;
  private restsUntil: Nanoseconds = 0;
  private readonly use: RecentPeak;
  /** That a connection took of late; for ever where none has been opened yet. */
  private longestOpening: Nanoseconds = Infinity;

  /** `connectWithin`: how long a connection may take to open. */
  constructor(dialling: Dialling, connectWithin: Nanoseconds, budget: ConnectionBudget) {
    this.dialling = dialling;
    this.clock = dialling.clock;
    this.connectWithin = connectWithin;
    this.budget = budget;
    this.use = new RecentPeak(freshFor);
  }

  /** Resolves when that many have been opened, or when the server does not take any more: its requests will tell. */
  async open(connections: number): Promise<void> {
    const giveUp = this.clock.now() + this.connectWithin;
    this.closeStale(Infinity, this.clock.now());
    // Counted by attempts: what the server closes meanwhile it would close again.
    for (let missing = connections - this.used.length - this.unused.length; missing > 0 && this.clock.now() < giveUp; missing -= batch) {
      const opened = await Promise.all(Array.from({ length: Math.min(batch, missing) }, async () => this.openOne()));
      if (!opened.includes(true)) break;
    }
  }

  /** So long before it is needed a connection is to be begun; for ever where none has been opened yet. */
  get opensWithin(): Nanoseconds {
    return 2 * this.longestOpening + openingSlack;
  }

  /** Opens one, where fewer than `needed` fresh ones will be there shortly: called for each request that is expected. */
  refresh(needed: number): void {
    const now = this.clock.now();
    this.closeStale(mostClosed, now);
    if (now < this.restsUntil) return;
    const useful = Math.min(needed, Math.max(fewest, this.use.most(now)));
    if (this.freshCount(now) + this.opening.length < useful) void this.openOne();
  }

  /** An open connection that nobody uses, if there is one. */
  take(): Connection | undefined {
    const now = this.clock.now();
    for (let tries = 0; tries <= mostClosed; tries++) {
      const connection = this.used.pop();
      if (connection === undefined) break;
      if (!this.isStale(connection, now)) return connection;
      connection.destroy();
    }
    let place = firstFresh(this.unused, now);
    while (this.unused[place]?.isLost === true) place++;
    return this.unused.splice(place, 1)[0];
  }

  /** A connection that is not open yet: one begun for nobody if there is one, else a new one. Undefined where this process can open no more. */
  connect(): Connection | undefined {
    const [begun] = this.opening;
    begun?.taken();
    return begun?.connection ?? this.dial();
  }

  /** `idleTimeout`: how long the server keeps it, where it has said so. */
  giveBack(connection: Connection, idleTimeout: Seconds = Infinity): void {
    this.becomesIdle(connection, idleTimeout);
    let place = this.used.length;
    while (place > 0 && (this.used[place - 1]?.staleFrom ?? 0) > connection.staleFrom) place--;
    if (place === this.used.length) this.used.push(connection);
    else this.used.splice(place, 0, connection);
  }

  /** One more, or one fewer (-1), is being used. */
  uses(change: 1 | -1): void {
    this.use.change(change, this.clock.now());
  }

  /** Those that nobody has used: where nobody will, a server may serve nobody else meanwhile. */
  closeUnused(): void {
    for (const connection of this.unused) connection.destroy();
    this.unused = [];
  }

  close(): void {
    this.isClosed = true;
    for (const connection of this.used) connection.destroy();
    this.used = [];
    this.closeUnused();
  }

  private becomesIdle(connection: Connection, idleTimeout: Seconds): void {
    const now = this.clock.now();
    connection.user = undefined;
    connection.idleSince = now;
    connection.staleFrom = now + Math.min(freshFor, toNanoseconds(idleTimeout - beforeTimeout));
  }

  private async openOne(): Promise<boolean> {
    const isOpen = await this.tryOne();
    if (!isOpen) this.rest();
    return isOpen;
  }

  /** To true as well where somebody takes it before it is open. */
  private async tryOne(): Promise<boolean> {
    const connection = this.dial();
    if (connection === undefined) return false;
    return new Promise((resolve) => {
      const settle = (isOpen: boolean) => {
        stopWaiting();
        this.opening = this.opening.filter((one) => one !== opening);
        resolve(isOpen);
      };
      const opened = () => {
        settle(true);
        this.noteOpening(connection.tookToOpen);
        this.keepUnused(connection);
      };
      const giveUp = () => {
        connection.destroy();
        settle(false);
      };
      const taken = () => {
        connection.user = undefined;
        settle(true);
      };
      const opening: Opening = { connection, taken };
      const stopWaiting = this.clock.at(this.clock.now() + this.connectWithin, giveUp);
      connection.user = { opened, received: giveUp, lost: giveUp };
      this.opening.push(opening);
    });
  }

  private noteOpening(took: Nanoseconds): void {
    this.longestOpening = this.longestOpening === Infinity ? took : Math.max(took, this.longestOpening * remembered);
  }

  private dial(): Connection | undefined {
    return this.budget.take() ? new Connection(this.dialling, () => this.budget.giveBack()) : undefined;
  }

  private keepUnused(connection: Connection): void {
    if (this.isClosed) return connection.destroy();
    this.becomesIdle(connection, Infinity);
    this.unused.push(connection);
  }

  private rest(): void {
    this.restsUntil = this.clock.now() + restAfterRefusal;
  }

  private closeStale(atMost: number, now: Nanoseconds): void {
    const closed = this.closeStaleOf(this.unused, atMost, now);
    this.closeStaleOf(this.used, atMost - closed, now);
  }

  /** Returns how many. */
  private closeStaleOf(idle: Connection[], atMost: number, now: Nanoseconds): number {
    let stale = 0;
    for (const connection of idle) {
      if (stale >= atMost || !this.isStale(connection, now)) break;
      // Closed by the server as soon as it was open: it does not want us now.
      if (connection.isLost && now - connection.idleSince < restAfterRefusal) this.rest();
      connection.destroy();
      stale++;
    }
    if (stale > 0) idle.splice(0, stale);
    return stale;
  }

  /** How many idle ones are recent enough. Those that the server has closed since are found when they are taken. */
  private freshCount(now: Nanoseconds): number {
    return this.used.length - firstFresh(this.used, now) + this.unused.length - firstFresh(this.unused, now);
  }

  private isStale(connection: Connection, now: Nanoseconds): boolean {
    return connection.isLost || now >= connection.staleFrom;
  }
}

/** Where those begin that are recent enough: they are the last ones. */
function firstFresh(idle: readonly Connection[], now: Nanoseconds): number {
  let [from, to] = [0, idle.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (now >= (idle[middle]?.staleFrom ?? 0)) from = middle + 1;
    else to = middle;
  }
  return from;
}
