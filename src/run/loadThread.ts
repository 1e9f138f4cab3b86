import { parentPort, workerData } from "node:worker_threads";

import { collectGarbage } from "../host/collectGarbage.ts";
import { keepThisThreadOn, preferThisThread } from "../host/thisThread.ts";
import { napNowAndThen } from "../host/naps.ts";
import { punctualClock } from "../host/realClock.ts";
import { journalOfNothing, openJournal, type JournalWriter } from "../journal/write.ts";
import { ConnectionBudget } from "../load/connectionBudget.ts";
import { drive } from "../load/drive.ts";
import { httpLine, type WatchedLine } from "../load/httpLine.ts";
import { unpack } from "../load/packedPhases.ts";
import { receiveStamps } from "../host/receiveStamps.ts";
import { rehearse } from "../load/rehearsal.ts";
import { Tally } from "../load/tally.ts";
import type { StampSource } from "../model/exchange.ts";
import { HarnessError } from "../model/harnessError.ts";
import { harnessThread } from "../model/harnessThread.ts";
import type { Reading } from "../model/record.ts";
import type { Nanoseconds, Seconds } from "../model/time.ts";
import { eventLoop } from "../probes/eventLoop.ts";
import type { FromLoadThread, LoadError, LoadThreadData, PackedOrder, ToLoadThread, Way } from "./loadMessages.ts";
import { StampsInMemory } from "./stampsInMemory.ts";

// A thread that sends and reads, and does nothing else: what the rest of the harness is at, its own garbage included, delays no stamp here.

const { origin, worker, connections, calibrates, mayBeStopped, stamps: wanted } = workerData as LoadThreadData; // given by loadCrew.ts
const clock = punctualClock(origin);
const stamps = receiveStamps(clock, wanted);
const lines = new Map<string, WatchedLine>();
const budget = new ConnectionBudget(connections);
const orders = new Map<number, Order>();
let journal: JournalWriter | undefined;

/** Progress is told so often. */
const tellEveryMilliseconds = 100;

/** What is being played. */
interface Order {
  readonly stop: AbortController;
  readonly kill: AbortController;
  readonly starts: Map<number, PromiseWithResolvers<Nanoseconds>>;
}

parentPort?.on("message", (message: ToLoadThread) => {
  switch (message.kind) {
    case "play":
      void play(message.order, message.what);
      break;
    case "start":
      startOf(message.order, message.phase)?.resolve(message.at);
      break;
    case "stop":
    case "kill":
      orders.get(message.order)?.[message.kind].abort();
      break;
    case "keepOn":
      keepThisThreadOn(message.cores);
      break;
    case "openJournal":
      journal = openJournal(message.directory, { worker });
      void journal.failed.then((error) => tell({ kind: "journalFailed", error: errorFrom(error) }));
      break;
    case "closeJournal":
      tell({ kind: "journalClosed", ...errorOf(() => journal?.close()) });
      journal = undefined;
      break;
    case "closeLines":
      for (const line of lines.values()) line.close();
      lines.clear();
      break;
  }
});

await rehearsal();
if (preferThisThread() && mayBeStopped) napNowAndThen();
tell({ kind: "rehearsed", stamps: stamps.given.kernel > stamps.given.read ? "kernel" : "read" }); // a kernel may refuse

async function rehearsal(): Promise<void> {
  using thrownAway = journalOfNothing({ worker });
  const recorders = calibrates ? [new StampsInMemory(), thrownAway] : [thrownAway];
  await rehearse({ clock, recorders, stamps, connections });
}

async function play(number: number, what: PackedOrder): Promise<void> {
  const order: Order = { stop: new AbortController(), kill: new AbortController(), starts: new Map() };
  orders.set(number, order);
  const memory = new StampsInMemory();
  let error: LoadError | undefined;
  try {
    await playWith(number, what, order, memory);
  } catch (thrown) {
    error = errorFrom(thrown);
  }
  orders.delete(number);
  tell({ kind: "ended", order: number, stamped: memory.stamped, ...(error === undefined ? {} : { error }) });
}

async function playWith(number: number, what: PackedOrder, order: Order, memory: StampsInMemory): Promise<void> {
  const { experiment, phases, ways, deadlines, record } = what;
  const reached = Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, lineTo(way, deadlines.connect)]));
  const recorder = record === "memory" ? memory : journal;
  if (recorder === undefined) throw new Error("there is no journal to record in");
  const tally = new Tally(experiment, (event) => tell({ kind: "event", order: number, event }));
  const passing = setInterval(() => tally.pass(), tellEveryMilliseconds);
  const probe = record === "journal" ? eventLoop(clock, worker) : undefined;
  const read = (reading: Reading) => tell({ kind: "reading", order: number, reading });
  const before = { ...stamps.given };
  const unaskedBefore = new Map(Object.entries(reached).map(([name, line]) => [name, line.unasked]));
  try {
    await drive({
      experiment,
      phases: unpack(phases),
      lines: reached,
      clock,
      deadlines,
      recorder,
      tally,
      signal: order.stop.signal,
      kill: order.kill.signal,
      keepText: false,
      agree: async (phase) => {
        // Orders of long prompts leave much of it: left alone, it was collected as the phase began, for up to 27 ms.
        if (!isStamping()) collectGarbage();
        if (phase === 0) await probe?.start(read); // what it took to get ready delayed nobody
        tell({ kind: "ready", order: number, phase });
        return startOf(number, phase)?.promise ?? Promise.reject(new Error("the order has ended"));
      },
    });
    if (record === "journal") {
      journal?.flush();
      for (const reading of stampsGivenSince(before)) read(reading);
      for (const [name, line] of Object.entries(reached)) {
        const value = line.unasked - (unaskedBefore.get(name) ?? 0);
        if (value > 0) read({ at: clock.now(), series: "unasked-replies-count", of: name, value });
      }
    }
  } finally {
    await probe?.stop();
    clearInterval(passing);
    tally.pass();
  }
}

/** Also by the streams of control meanwhile, which are stamped in the same way. */
function stampsGivenSince(before: Readonly<Record<StampSource, number>>): readonly Reading[] {
  const counts = { "kernel-stamps-count": stamps.given.kernel - before.kernel, "read-stamps-count": stamps.given.read - before.read };
  return Object.entries(counts).map(([series, value]) => ({ at: clock.now(), series, of: harnessThread(worker), value }));
}

/** The stream of control goes on from phase to phase. */
function isStamping(): boolean {
  return [...lines.values()].some((line) => line.isInUse);
}

function startOf(number: number, phase: number): PromiseWithResolvers<Nanoseconds> | undefined {
  const starts = orders.get(number)?.starts;
  const known = starts?.get(phase) ?? Promise.withResolvers<Nanoseconds>();
  starts?.set(phase, known);
  return starts === undefined ? undefined : known;
}

/** One for each way and deadline, kept with its open connections from order to order. */
function lineTo(way: Way, connectWithin: Seconds): WatchedLine {
  const key = JSON.stringify([way, connectWithin]);
  const line = lines.get(key) ?? httpLine({ ...way, clock, stamps, connectWithin, budget });
  lines.set(key, line);
  return line;
}

function tell(message: FromLoadThread): void {
  parentPort?.postMessage(message);
}

function errorOf(act: () => void): { error?: LoadError } {
  try {
    act();
    return {};
  } catch (thrown) {
    return { error: errorFrom(thrown) };
  }
}

function errorFrom(thrown: unknown): LoadError {
  if (thrown instanceof HarnessError) return { code: thrown.code, message: thrown.message, hint: thrown.hint };
  return { code: undefined, message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown), hint: undefined };
}
