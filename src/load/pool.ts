import type { Clock } from "../model/host.ts";
import { toNanoseconds, type Nanoseconds } from "../model/time.ts";
import { Connection, type Server } from "./connection.ts";

/** Servers close what has been idle for 5 s (uvicorn, and so vLLM): older ones are not used. */
const freshFor = toNanoseconds(4);
/** Opened at once. More, and the server's queue of unaccepted connections overflows. */
const batch = 64;

/** Open connections to one server, the most recently used first. No limit to their number: a limit would be a queue that nobody sees. */
export class Pool {
  private readonly server: Server;
  private readonly clock: Clock;
  private readonly openWithin: Nanoseconds;
  /** Ascending by `idleSince`. */
  private idle: Connection[];
  private opening: number;

  /** `openWithin`: how long a connection may take to open. */
  constructor(server: Server, clock: Clock, openWithin: Nanoseconds) {
    this.server = server;
    this.clock = clock;
    this.openWithin = openWithin;
    this.idle = [];
    this.opening = 0;
  }

  /** Resolves when that many are open, or when the server does not take any more: its requests will tell. */
  async open(connections: number): Promise<void> {
    for (;;) {
      this.removeStale(this.clock.now());
      const missing = connections - this.idle.length;
      if (missing <= 0) return;
      const opened = await Promise.all(Array.from({ length: Math.min(batch, missing) }, async () => this.openOne()));
      if (!opened.includes(true)) return;
    }
  }

  /** Sees to it that `needed` fresh ones will be there shortly. */
  refresh(needed: number): void {
    this.removeStale(this.clock.now());
    for (let missing = needed - this.idle.length - this.opening; missing > 0; missing--) void this.openOne();
  }

  /** An open connection that nobody uses, if there is one. */
  take(): Connection | undefined {
    this.removeStale(this.clock.now());
    for (;;) {
      const connection = this.idle.pop();
      if (connection === undefined || !connection.isLost) return connection;
    }
  }

  connect(opened: (connection: Connection) => void): Connection {
    return new Connection(this.server, this.clock, opened);
  }

  giveBack(connection: Connection): void {
    if (connection.isLost) return;
    connection.user = undefined;
    connection.idleSince = this.clock.now();
    this.idle.push(connection);
  }

  close(): void {
    for (const connection of this.idle) connection.destroy();
    this.idle = [];
  }

  private async openOne(): Promise<boolean> {
    this.opening++;
    const isOpen = await this.tryOne();
    this.opening--;
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
        connection.destroy();
        resolve(false);
      };
      const stopWaiting = this.clock.at(this.clock.now() + this.openWithin, giveUp);
      connection.user = { received: giveUp, lost: giveUp };
    });
  }

  private removeStale(now: Nanoseconds): void {
    let stale = 0;
    while (stale < this.idle.length && this.isStale(this.idle[stale], now)) stale++;
    if (stale > 0) for (const connection of this.idle.splice(0, stale)) connection.destroy();
  }

  private isStale(connection: Connection | undefined, now: Nanoseconds): boolean {
    return connection === undefined || connection.isLost || now - connection.idleSince > freshFor;
  }
}
