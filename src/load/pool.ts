import type { Clock } from "../model/host.ts";
import { toNanoseconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { Connection, type Dialling } from "./connection.ts";
import type { ConnectionBudget } from "./connectionBudget.ts";

/** Servers close what has been idle for 5 s (uvicorn, and so vLLM): older ones are not used. */
const freshFor = toNanoseconds(4);
/** Before what a server has said: it counts from when it wrote, and we from when we had read that. */
const beforeTimeout: Seconds = 1;
/** Opened at once. More, and the server's queue of unaccepted connections overflows. */
const batch = 64;
/** Closed for each request at most, and one is opened: two hundred at once took 20 ms, and the requests that were due then waited. */
const mostClosed = 1;
/** Kept ready where as many requests wait, however few were used at a time of late. */
const fewest = 64;
/** A server that takes no connections is left alone for so long, but for the requests themselves. */
const restAfterRefusal = toNanoseconds(0.5);

/** Open connections to one server, first those that stay fresh for longest: the most recently used. Beyond what the process can open there is no limit: it would be a queue that nobody sees. */
export class Pool {
  private readonly dialling: Dialling;
  private readonly clock: Clock;
  private readonly openWithin: Nanoseconds;
  private readonly budget: ConnectionBudget;
  /** Ascending by `staleFrom`, but for those opened together. */
  private idle: Connection[];
  private opening: number;
  private restsUntil: Nanoseconds;
  private readonly use: RecentPeak;

  /** `openWithin`: how long a connection may take to open. */
  constructor(dialling: Dialling, openWithin: Nanoseconds, budget: ConnectionBudget) {
    this.dialling = dialling;
    this.clock = dialling.clock;
    this.openWithin = openWithin;
    this.budget = budget;
    this.idle = [];
    this.opening = 0;
    this.restsUntil = 0;
    this.use = new RecentPeak(freshFor);
  }

  /** Resolves when that many have been opened, or when the server does not take any more: its requests will tell. */
  async open(connections: number): Promise<void> {
    const giveUp = this.clock.now() + this.openWithin;
    this.closeStale(Infinity, this.clock.now());
    const there = this.idle.length;
    // Counted by attempts: what the server closes meanwhile it would close again.
    for (let missing = connections - this.idle.length; missing > 0 && this.clock.now() < giveUp; missing -= batch) {
      const opened = await Promise.all(Array.from({ length: Math.min(batch, missing) }, async () => this.openOne()));
      if (!opened.includes(true)) break;
    }
    // The last one is taken first, and a server accepts them in their order: the first request goes where it will be read first.
    this.idle.push(...this.idle.splice(there).reverse());
  }

  /** Opens one, where fewer than `needed` fresh ones will be there shortly: called for each request that is prepared. */
  refresh(needed: number): void {
    const now = this.clock.now();
    this.closeStale(mostClosed, now);
    if (now < this.restsUntil) return;
    const useful = Math.min(needed, Math.max(fewest, this.use.most(now)));
    if (this.fresh(now) + this.opening < useful) void this.openOne();
  }

  /** An open connection that nobody uses, if there is one. */
  take(): Connection | undefined {
    const now = this.clock.now();
    for (let tries = 0; tries <= mostClosed; tries++) {
      const connection = this.idle.pop();
      if (connection === undefined) return undefined;
      if (!this.isStale(connection, now)) return connection;
      connection.destroy();
    }
    return undefined;
  }

  /** One more, or one fewer (-1), is being used. */
  uses(change: 1 | -1): void {
    this.use.change(change, this.clock.now());
  }

  /** Undefined where this process can open no more. */
  connect(opened: (connection: Connection) => void): Connection | undefined {
    if (!this.budget.take()) return undefined;
    return new Connection(this.dialling, opened, () => this.budget.giveBack());
  }

  /** `idleTimeout`: how long the server keeps it, where it has said so. */
  giveBack(connection: Connection, idleTimeout: Seconds = Infinity): void {
    if (connection.isLost) return;
    const now = this.clock.now();
    connection.user = undefined;
    connection.idleSince = now;
    connection.staleFrom = now + Math.max(0, Math.min(freshFor, toNanoseconds(idleTimeout - beforeTimeout)));
    let place = this.idle.length;
    while (place > 0 && (this.idle[place - 1]?.staleFrom ?? 0) > connection.staleFrom) place--;
    if (place === this.idle.length) this.idle.push(connection);
    else this.idle.splice(place, 0, connection);
  }

  close(): void {
    for (const connection of this.idle) connection.destroy();
    this.idle = [];
  }

  private async openOne(): Promise<boolean> {
    this.opening++;
    const isOpen = await this.tryOne();
    this.opening--;
    if (!isOpen) this.rest();
    return isOpen;
  }

  private async tryOne(): Promise<boolean> {
    return new Promise<boolean>((resolve) => {
      const connection = this.connect((opened) => {
        stopWaiting();
        this.giveBack(opened);
        resolve(true);
      });
      const giveUp = () => {
        stopWaiting();
        connection?.destroy();
        resolve(false);
      };
      if (connection === undefined) return resolve(false);
      const stopWaiting = this.clock.at(this.clock.now() + this.openWithin, giveUp);
      connection.user = { received: giveUp, lost: giveUp };
    });
  }

  private rest(): void {
    this.restsUntil = this.clock.now() + restAfterRefusal;
  }

  private closeStale(atMost: number, now: Nanoseconds): void {
    let stale = 0;
    for (const connection of this.idle) {
      if (stale >= atMost || !this.isStale(connection, now)) break;
      // Closed by the server as soon as it was open: it does not want us now.
      if (connection.isLost && now - connection.idleSince < restAfterRefusal) this.rest();
      connection.destroy();
      stale++;
    }
    if (stale > 0) this.idle.splice(0, stale);
  }

  /** Idle ones that are recent enough; they are the last ones. Those that the server has closed since are found when they are taken. */
  private fresh(now: Nanoseconds): number {
    let [from, to] = [0, this.idle.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (now >= (this.idle[middle]?.staleFrom ?? 0)) from = middle + 1;
      else to = middle;
    }
    return this.idle.length - from;
  }

  private isStale(connection: Connection, now: Nanoseconds): boolean {
    return connection.isLost || now >= connection.staleFrom;
  }
}

/** The most there were of something at once, within one to two periods. */
class RecentPeak {
  private readonly period: Nanoseconds;
  private count: number;
  private peak: number;
  private earlierPeak: number;
  private until: Nanoseconds;

  constructor(period: Nanoseconds) {
    this.period = period;
    this.count = 0;
    this.peak = 0;
    this.earlierPeak = 0;
    this.until = 0;
  }

  change(change: number, now: Nanoseconds): void {
    this.goOn(now);
    this.count += change;
    this.peak = Math.max(this.peak, this.count);
  }

  most(now: Nanoseconds): number {
    this.goOn(now);
    return Math.max(this.peak, this.earlierPeak);
  }

  private goOn(now: Nanoseconds): void {
    if (now < this.until) return;
    this.earlierPeak = this.peak;
    this.peak = this.count;
    this.until = now + this.period;
  }
}
