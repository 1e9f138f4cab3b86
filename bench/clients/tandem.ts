import { openJournal } from "../../src/journal/write.ts";
import { drive } from "../../src/load/drive.ts";
import { httpLine } from "../../src/load/httpLine.ts";
import type { Phase, Turn } from "../../src/load/order.ts";
import { rehearse } from "../../src/load/rehearsal.ts";
import { realClock } from "../../src/host/realClock.ts";
import { defaultDeadlines } from "../../src/model/experiment.ts";
import type { Request } from "../../src/model/request.ts";
import { loadFromArguments, type Load } from "./load.ts";
import { startWatch } from "./measured.ts";
import { Memory } from "./memory.ts";

// Our own core, driven exactly as a run drives it, timed from the first request as every client. With --journal every stamp goes to a real
// journal, and the watch runs from before the schedule is made until the journal is closed.

const load = loadFromArguments();
const clock = realClock([0, 0]); // the server's time base
const wire = { api: "completions", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false } as const;
const line = httpLine({ url: `http://127.0.0.1:${load.port}`, wire, servedModel: "truth", clock, namesRequests: true });
const phase = load.rate > 0 ? byTheClock(load) : lanes(load);
const deadlines = { ...defaultDeadlines, request: 3_600 };

const journal = load.journal === undefined ? undefined : openJournal(load.journal);
await rehearse(clock);
await line.open(load.rate > 0 ? Math.min(200, load.rate) : load.streams);
let stop = startWatch();
const memory = new Memory(load, () => {
  stop = startWatch();
});
await drive({
  experiment: 0,
  phases: [phase],
  lines: { truth: line },
  clock,
  deadlines,
  recorder: journal ?? memory,
  tell: () => {},
  signal: new AbortController().signal,
  keepText: false,
});
journal?.close();
const measured = stop(load);
const errors = journal === undefined ? await memory.errors() : {};
console.log(JSON.stringify({ ...measured, ...errors }));
line.close();

/** As many lanes as streams, one request after the other on each. */
function lanes({ streams, requests, rampMs }: Load): Phase {
  return Array.from({ length: requests }, (_, id) => {
    const offset = ((rampMs / 1_000) * id) / streams;
    return id < streams ? turn(id, { kind: "at", offset }) : turn(id, { kind: "after", request: id - streams, pause: 0 });
  });
}

function byTheClock({ requests, rate }: Load): Phase {
  return Array.from({ length: requests }, (_, id) => turn(id, { kind: "at", offset: id / rate }));
}

function turn(id: number, arrival: Request["arrival"]): Turn {
  const { promptBytes, tokens } = load;
  const parts = [{ kind: "passage", text: "x".repeat(promptBytes), tokenIds: [] }] as const;
  const lengths = { contextTokens: promptBytes / 4, questionTokens: 0, reusableTokens: 0, maxOutputTokens: tokens };
  const request: Request = { id, arrival, messages: [{ role: "user", parts }], ...lengths };
  return { engine: "truth", block: 0, due: arrival.kind === "at" ? arrival.offset : undefined, request };
}
