import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { punctualClock } from "../../src/host/realClock.ts";
import { receiveStamps } from "../../src/host/receiveStamps.ts";
import { drive } from "../../src/load/drive.ts";
import { httpLine } from "../../src/load/httpLine.ts";
import type { Phase, Turn } from "../../src/load/phase.ts";
import { pack, unpack } from "../../src/load/packedPhases.ts";
import { rehearse } from "../../src/load/rehearsal.ts";
import type { Stamped } from "../../src/measure/rulerError.ts";
import { defaultDeadlines } from "../../src/model/experiment.ts";
import type { Request } from "../../src/model/request.ts";
import { LoadCrew } from "../../src/run/loadCrew.ts";
import { loadFromArguments, type Load } from "./load.ts";
import { errorsAgainstTruth, spread, startWatch, type Measured } from "./measured.ts";
import { Counted } from "./counted.ts";

// Our own client. Where stamps are looked at, or everything is written down (--journal), exactly as a run drives it: by load threads. In bulk
// without a journal, its core alone, which is what the other clients are: in one thread, stamps put down and forgotten.

const load = loadFromArguments();
const filled = Buffer.alloc(load.promptBytes, "x");
const clock = punctualClock([0, 0]); // the server's time base
const wire = { api: "completions", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false } as const;
const wayTo = (port: number) => ({ url: `http://127.0.0.1:${port}`, wire, servedModel: "truth", namesRequests: true });
const deadlines = { ...defaultDeadlines, request: 3_600 };

console.log(JSON.stringify(load.paced || load.journal !== undefined ? await byThreads() : await coreAlone()));

async function byThreads(): Promise<Measured> {
  await using crew = LoadCrew.start(load.workers, clock);
  await crew.ready();
  if (load.serverPid !== undefined) crew.keepOutOfTheWayOf([load.serverPid]);
  const scratch = mkdtempSync(join(tmpdir(), "tandem-bench-"));
  crew.openJournal(load.journal ?? scratch);
  const record = load.journal === undefined ? "memory" : "journal";
  const stop = startWatch();
  const phases = [load.rate > 0 ? byTheClock(load) : lanes(load)];
  const ways = Object.fromEntries(load.ports.map((port, place) => [engineOf(place), wayTo(port)]));
  const order = { experiment: 0, phases, ways, deadlines, record } as const;
  const stamped = await crew.play(order, { stop: new AbortController().signal });
  await crew.closeJournal();
  const measured = stop(load);
  rmSync(scratch, { recursive: true });
  return { ...measured, ...(load.paced ? await errorsOf(stamped) : {}) };
}

async function errorsOf(stamped: readonly Stamped[]): Promise<Measured> {
  const byRequest = new Map(stamped.map((one) => [Number(one.id), one]));
  const late = load.rate > 0 ? { send_lag_us: spread(stamped.map(({ sent, due }) => sent - due)) } : {};
  return { ...late, ...(await errorsAgainstTruth(load.ports, (request) => byRequest.get(request))) };
}

async function coreAlone(): Promise<Measured> {
  const stamps = receiveStamps(clock);
  const line = httpLine({ ...wayTo(load.port), clock, stamps });
  await rehearse({ clock, stamps, recorders: [new Counted(() => {})] });
  let stop = startWatch();
  const counted = new Counted(() => {
    stop = startWatch();
  });
  await drive({
    experiment: 0,
    phases: unpack(pack([lanes(load)])),
    lines: { [engineOf(0)]: line },
    clock,
    deadlines,
    recorder: counted,
    signal: new AbortController().signal,
    keepText: false,
  });
  const measured = stop(load);
  line.close();
  if (counted.events !== load.requests * load.tokens) throw new Error(`${counted.events} of ${load.requests * load.tokens} events`);
  return measured;
}

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
  const text = filled.toString("latin1", 0, promptBytes); // in one piece, as a workload's are
  const parts = [{ kind: "passage", text, tokenIds: [] }] as const;
  const lengths = { contextTokens: promptBytes / 4, questionTokens: 0, reusableTokens: 0, maxOutputTokens: tokens };
  const request: Request = { id, arrival, messages: [{ role: "user", parts }], ...lengths };
  return { engine: engineOf(id), block: 0, due: arrival.kind === "at" ? arrival.offset : undefined, request };
}

/** Each request's: the servers take turns. */
function engineOf(request: number): string {
  return `truth ${request % load.ports.length}`;
}
