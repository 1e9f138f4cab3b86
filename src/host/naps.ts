import { release } from "node:os";
import { performance } from "node:perf_hooks";

/** More than the 5 % that the kernel keeps for others (sched(7), sched_rt_runtime_us). */
const shareAsleep = 0.07;
/** Milliseconds. */
const every = 5;
const longest = 2;

/** Until it is stopped; keeps no process alive. */
export interface Naps {
  stop(): void;
}

/**
 * Has this thread sleep for 7 % of the time, a third of a millisecond at a time, as far as it does not sleep by itself. A real-time thread that never does is
 * stopped by the kernel for 50 ms in every second: of 2,000 streams on one core, a hundredth of the stamps were 20 ms off for it.
 */
export function napNowAndThen(): Naps {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  let [since, asleep] = [performance.now(), idleTime()];
  let owed = 0;
  const timer = setInterval(() => {
    const [now, idle] = [performance.now(), idleTime()];
    owed = Math.min(longest, Math.max(0, owed + shareAsleep * (now - since) - (idle - asleep)));
    [since, asleep] = [now, idle];
    if (owed < 0.1) return;
    Atomics.wait(nothing, 0, 0, owed);
    since = performance.now();
    owed -= since - now;
  }, every).unref();
  return { stop: () => clearInterval(timer) };
}

/** That the event loop has waited for something to happen, in milliseconds. */
function idleTime(): number {
  return performance.eventLoopUtilization().idle;
}

/**
 * Whether the kernel may stop one of so many real-time threads on so many cores: for whoever else waits for its core, V8's compilers first, which go where one is
 * free. Before Linux 6.12 it did so though nobody waited, as far as we know: such a kernel was not tried.
 */
export function areStopped(threads: number, cores: number, kernel: string = release()): boolean {
  const [major = 0, minor = 0] = kernel.split(".").map((part) => Number.parseInt(part));
  return cores <= threads || major < 6 || (major === 6 && minor < 12);
}
