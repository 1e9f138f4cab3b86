// The thread behind an alarm (alarm.ts): asleep until the time it was set to, which the kernel keeps to about a tenth of a millisecond.
// Plain JavaScript: what reads TypeScript would take more memory than all the rest of it.
import { parentPort, workerData } from "node:worker_threads";

const { calls, times } = workerData;
let call = 0;
for (;;) {
  const [seconds, nanoseconds] = process.hrtime();
  const left = times[0] - (seconds * 1e9 + nanoseconds);
  if (left <= 0) {
    times[0] = Infinity;
    parentPort.postMessage(undefined);
  } else if (Atomics.wait(calls, 0, call, left / 1e6) !== "timed-out") {
    call = Atomics.load(calls, 0);
  }
}
