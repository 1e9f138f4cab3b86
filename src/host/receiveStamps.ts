import type { Socket } from "node:net";

import type { StampSource } from "../model/exchange.ts";
import type { Clock } from "../model/host.ts";
import type { Nanoseconds } from "../model/time.ts";
import { fileOf } from "./fileOf.ts";
import { kernelStamps, type KernelStamps } from "./native.ts";
import { neverWhole, type Origin } from "./realClock.ts";

/** Receive stamps, one for each read of a socket. */
export interface ReceiveStamps {
  readonly source: StampSource;
  /** How many each source has given. */
  readonly given: Readonly<Record<StampSource, number>>;
  /** Called once when a socket is open, before anything is received on it. */
  watch(socket: Socket): void;
  /** When the bytes just read were received: called first thing in the callback of a read. */
  last(): Nanoseconds;
}

/** By the kernel where it can be had and nothing else is wanted. */
export function receiveStamps(clock: OriginClock, wanted: StampSource = "kernel"): ReceiveStamps {
  const kernel = wanted === "kernel" ? kernelStamps() : undefined;
  return kernel === undefined ? stampsWhenRead(clock) : new StampsByKernel(clock, kernel);
}

type OriginClock = Pick<Clock, "now"> & { readonly origin: Origin };

/** The time at which JavaScript is told of a read: late by whatever the thread was at when the bytes came. */
export function stampsWhenRead(clock: Pick<Clock, "now">): ReceiveStamps {
  return new StampsWhenRead(clock);
}

class StampsWhenRead implements ReceiveStamps {
  readonly source = "read";
  readonly given: Record<StampSource, number>;
  private readonly clock: Pick<Clock, "now">;

  constructor(clock: Pick<Clock, "now">) {
    this.given = { kernel: 0, read: 0 };
    this.clock = clock;
  }

  watch(): void {}

  last(): Nanoseconds {
    const at = this.clock.now(); // the receive stamp: no statement may stand before it
    this.given.read++;
    return at;
  }
}

/** The time at which the kernel had the bytes, however late they are read: the last of them, where several packets are read at once. */
class StampsByKernel implements ReceiveStamps {
  readonly source = "kernel";
  readonly given: Record<StampSource, number>;
  private readonly clock: Pick<Clock, "now">;
  private readonly kernel: KernelStamps;
  private readonly arrived: Float64Array;
  /** The clock's 0 on the machine's monotonic clock. */
  private readonly origin: Nanoseconds;

  constructor(clock: OriginClock, kernel: KernelStamps) {
    this.given = { kernel: 0, read: 0 };
    this.clock = clock;
    this.kernel = kernel;
    this.arrived = kernel.arrived;
    const [seconds, nanoseconds] = clock.origin;
    this.origin = seconds * 1e9 + nanoseconds;
  }

  watch(socket: Socket): void {
    const file = fileOf(socket);
    if (file !== undefined) this.kernel.watch(file);
  }

  last(): Nanoseconds {
    const at = this.arrived[0] as number; // there is one
    if (at === 0) return this.whenRead();
    // It stays until the next read: of TLS, one read may give several records, each with a callback of its own.
    this.given.kernel++;
    return at - this.origin + neverWhole; // in this order: machines that have long been up leave no room for halves
  }

  private whenRead(): Nanoseconds {
    const at = this.clock.now();
    this.given.read++;
    return at;
  }
}
