import { once } from "node:events";
import { parentPort, Worker, workerData } from "node:worker_threads";

/** Inputs from one number to below another. */
export interface FuzzOrder {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

export type FuzzResult =
  | { readonly kind: "passed"; readonly summary: string }
  | { readonly kind: "failed"; readonly input: number; readonly complaint: string };

interface Work {
  readonly order: FuzzOrder;
  /** One number: the input that is being tried. */
  readonly input: Int32Array;
}

interface Watch {
  /** Seconds at one input, after which it is told to be an endless loop. To load the program may take longer. */
  readonly stuckAfter: number;
  /** Hears about once in 100,000 inputs how many there have been: from a thread that never waits, only the first word would get through. */
  readonly progress?: (inputs: number) => void;
}

/** Has a program of `fuzz` do it in a thread of its own, which an endless loop there does not keep from being told. */
export async function watched(program: URL, order: FuzzOrder, watch: Watch): Promise<FuzzResult> {
  const input = new Int32Array(new SharedArrayBuffer(4)).fill(-1);
  const worker = new Worker(program, { workerData: { order, input } satisfies Work });
  using stuck = stuckInput(input, watch);
  const told = once(worker, "message").then(
    ([message]) => message as FuzzResult, // sent by fuzz
    (error: Error) => ({ kind: "failed", input: Atomics.load(input, 0), complaint: `${error.stack}` }) as const,
  );
  const result = await Promise.race([stuck.promise, told]);
  await worker.terminate();
  return result;
}

/** What a program that is watched does: `tryOne` says what is wrong with an input, if something is. */
export function fuzz(tryOne: (seed: number, input: number) => string | undefined, summary: () => string): void {
  const { order, input } = workerData as Work; // given by watched
  let slowest = { input: order.from, milliseconds: 0 };
  for (let next = order.from; next < order.to; next++) {
    Atomics.store(input, 0, next);
    const began = performance.now();
    const complaint = tryOne(order.seed, next);
    const milliseconds = performance.now() - began;
    if (milliseconds > slowest.milliseconds) slowest = { input: next, milliseconds };
    if (complaint !== undefined) return tell({ kind: "failed", input: next, complaint });
  }
  tell({ kind: "passed", summary: `${summary()}; slowest input ${slowest.input}: ${slowest.milliseconds.toFixed(0)} ms` });
}

function tell(result: FuzzResult): void {
  parentPort?.postMessage(result);
}

const tellEvery = 100_000;

function stuckInput(input: Int32Array, { stuckAfter, progress }: Watch): Disposable & { readonly promise: Promise<FuzzResult> } {
  const { promise, resolve } = Promise.withResolvers<FuzzResult>();
  let last = { input: -1, seconds: 0 };
  const timer = setInterval(() => {
    const now = Atomics.load(input, 0);
    if (last.input >= 0 && Math.floor(now / tellEvery) > Math.floor(last.input / tellEvery)) progress?.(now);
    last = now >= 0 && now === last.input ? { input: now, seconds: last.seconds + 1 } : { input: now, seconds: 0 };
    if (last.seconds >= stuckAfter)
      resolve({ kind: "failed", input: now, complaint: `still being read after ${stuckAfter} s: an endless loop?` });
  }, 1_000);
  return { promise, [Symbol.dispose]: () => clearInterval(timer) };
}
