import { relative } from "node:path";

import type { Terminal } from "../model/host.ts";
import { afterwards } from "../model/afterwards.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { grouped, groupedSize } from "../model/grouped.ts";
import { orderPhrases } from "../reports/conditions.ts";
import { counted, duration } from "../reports/numbers.ts";
import { LiveLines } from "./liveLines.ts";

/** Shows a run while it happens: live lines on a terminal, elsewhere a line per event. */
export interface Progress {
  tell(event: RunEvent): void;
  /** Ends the live lines, so that what is printed next starts on a clean line. */
  done(): void;
}

export function progress(terminal: Terminal): Progress {
  return terminal.interactive ? new LiveProgress(terminal) : new PlainProgress(terminal);
}

interface EngineState {
  name: string;
  phase: string;
  requests: number;
  done: number;
  running: number;
  failed: number;
  ttft: number | undefined;
}

/** Requests that end are told at most this often, in milliseconds, where every line stays. */
const plainEvery = 10_000;

class PlainProgress implements Progress {
  private readonly terminal: Terminal;
  private readonly state = new RunState();
  private toldAt = Date.now();

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  tell(event: RunEvent): void {
    this.state.apply(event);
    const line = lineFor(event);
    if (line !== undefined) this.terminal.tell(line);
    else if (event.kind === "requests" && event.ended > 0 && Date.now() - this.toldAt > plainEvery) {
      this.toldAt = Date.now();
      this.terminal.tell(`  ${this.state.engines.map(requestsOf).join("; ")}`);
    }
  }

  done(): void {}
}

class LiveProgress implements Progress {
  private readonly terminal: Terminal;
  private readonly state = new RunState();
  private readonly timer: NodeJS.Timeout;
  private readonly live = new LiveLines();

  constructor(terminal: Terminal) {
    this.terminal = terminal;
    // Five times a second is what an eye follows; the timer never keeps the process alive.
    this.timer = setInterval(() => this.draw(), 200);
    this.timer.unref();
  }

  tell(event: RunEvent): void {
    this.state.apply(event);
    const line = lineFor(event);
    if (
      line === undefined ||
      event.kind === "booting" ||
      event.kind === "ready" ||
      event.kind === "serviceStarting" ||
      event.kind === "serviceReady"
    )
      return;
    this.terminal.tell(line);
  }

  done(): void {
    clearInterval(this.timer);
    this.live[Symbol.dispose]();
  }

  private draw(): void {
    this.live.show(this.state.lines().map((line) => line.slice(0, this.terminal.columns - 1)));
  }
}

/** What live lines need to know, folded from events. */
export class RunState {
  engines: EngineState[] = [];
  /** Those that are not simply up. */
  private readonly services = new Map<string, string>();
  /** By the name of an engine or a service, while it is. */
  private readonly unwell = new Map<string, string>();
  private ends: number | undefined;

  apply(event: RunEvent): void {
    switch (event.kind) {
      case "testStarted":
        this.engines = event.engines.map((name) => ({
          name,
          phase: "waiting",
          requests: 0,
          done: 0,
          running: 0,
          failed: 0,
          ttft: undefined,
        }));
        break;
      case "booting":
        this.set(event.engine, { phase: event.log === undefined ? "booting" : `booting, log ${fromHere(event.log)}` });
        break;
      case "ready":
        this.set(event.engine, { phase: `ready after ${seconds(event.after)}` });
        break;
      case "notUp":
        this.set(event.engine, { phase: "not up" });
        break;
      case "died":
        this.unwell.delete(event.engine);
        this.set(event.engine, { phase: "died" });
        break;
      case "unwell":
        this.unwell.set(event.name, `unwell: ${event.message}`);
        break;
      case "wellAgain":
        this.unwell.delete(event.name);
        break;
      case "gone":
        this.set(event.engine, { phase: "ended" });
        break;
      case "experimentStarted":
        this.ends = event.lasts === undefined ? undefined : Date.now() + event.lasts * 1_000;
        for (const name of event.engines)
          this.set(name, { requests: event.requests / event.engines.length, done: 0, running: 0, failed: 0, ttft: undefined });
        break;
      case "requests":
        this.change(event.engine, (engine) => {
          engine.done += event.ended;
          engine.running += event.sent - (event.ended - event.dropped);
          engine.failed += event.failed;
          engine.ttft = event.ttft ?? engine.ttft;
        });
        break;
      case "experimentEnded":
        this.ends = undefined;
        // Nobody looks any more whether they are well again.
        this.unwell.clear();
        break;
      case "serviceStarting":
        this.services.set(event.service, `starting, log ${fromHere(event.log)}`);
        break;
      case "serviceReady":
        this.services.delete(event.service);
        break;
      case "serviceNotUp":
        this.services.set(event.service, "not up");
        break;
      case "serviceDied":
        this.unwell.delete(event.service);
        this.services.set(event.service, "died");
        break;
      case "serviceGone":
      case "portShared":
      case "restarted":
      case "awaited":
      case "warmingUp":
      case "proving":
      case "judged":
      case "counting":
      case "proof":
      case "calibrating":
      case "warning":
      case "endedAfterUs":
      case "gpuMemoryBack":
      case "interrupted":
      case "testEnded":
        break;
    }
  }

  lines(): readonly string[] {
    const width = Math.max(0, ...this.engines.map(({ name }) => name.length));
    const isMeasuring = this.engines.some(({ requests }) => requests > 0);
    const left = this.ends === undefined || !isMeasuring ? [] : [`  about ${clock((this.ends - Date.now()) / 1_000)} left`];
    const unwell = [...this.unwell].filter(([name]) => !this.engines.some((engine) => engine.name === name));
    const services = [...this.services, ...unwell].map(([name, phase]) => `  ${name}  ${phase}`);
    const engines = this.engines.map((engine) => {
      const requests = engine.requests === 0 ? "" : `   ${requestsOf(engine, false)}`;
      const phase = this.unwell.get(engine.name) ?? engine.phase;
      return `  ${engine.name.padEnd(width)}  ${phase}${requests}`;
    });
    return [...services, ...engines, ...left];
  }

  private set(name: string, values: Partial<EngineState>): void {
    this.change(name, (engine) => void Object.assign(engine, values));
  }

  private change(name: string, act: (engine: EngineState) => void): void {
    const engine = this.engines.find((one) => one.name === name);
    if (engine !== undefined) act(engine);
  }
}

/** Live lines end where the terminal does: the beginning of a path, which is known, should not take their room. */
function fromHere(path: string): string {
  const short = relative(process.cwd(), path);
  return short.length < path.length ? short : path;
}

function requestsOf(engine: EngineState, named: boolean | number = true): string {
  const ttft = engine.ttft === undefined ? "" : `, TTFT ${duration(engine.ttft)}`;
  const failed = engine.failed === 0 ? "" : `, ${grouped(engine.failed)} failed`;
  return `${named === false ? "" : `${engine.name} `}${grouped(engine.done)}/${grouped(engine.requests)} done, ${grouped(engine.running)} running${failed}${ttft}`;
}

/** Of a rate it is not known how many streams the engines' replies will make of it, and said so. */
function calibrationLoad(event: Extract<RunEvent, { kind: "calibrating" }>): string {
  if ("perSecond" in event) return `${grouped(event.perSecond)} requests/s of short replies (with longer ones more streams are open)`;
  return counted(event.streams, "stream");
}

/** The line an event deserves where every line stays; undefined for the many small ones. */
export function lineFor(event: RunEvent): string | undefined {
  switch (event.kind) {
    case "testStarted":
      return `${event.test}: ${event.engines.join(", ")}; ${counted(event.experiments, "experiment")}`;
    case "calibrating":
      return `  this machine's own error: measured with ${calibrationLoad(event)}, about ${clock(event.lasts)}`;
    case "booting":
      return `  ${event.engine}: booting${event.log === undefined ? "" : `, log ${event.log}`}`;
    case "ready":
      return `  ${event.engine}: ready after ${seconds(event.after)}, ${event.url}`;
    case "awaited":
      return `  ${event.engine}: is up at ${event.url} and has not completed an answer yet; waited for, ${clock(event.atMost)} at most`;
    case "warmingUp":
      return `  ${event.engine}: warming up with two requests that are not measured, given up after ${clock(event.atMost)} without an answer`;
    case "proving":
      return `  ${event.engine}: proving that it is what was asked for, with prompts that are not measured`;
    case "counting":
      return `  ${event.engine}: its tokenizer is asked for the tokens of ${grouped(event.replies)} whole replies`;
    case "notUp":
      return `  ${event.engine}: not up: ${firstLine(event.message)}`;
    case "portShared":
      return `  ${event.engine}: ${event.message}`;
    case "unwell":
      return `  ${event.name}: unwell for ${seconds(event.lasted)}: ${event.message}`;
    case "wellAgain":
      return `  ${event.name}: well again after ${seconds(event.lasted)}`;
    case "died":
      return `  ${event.engine}: ended by itself: ${event.message}`;
    case "restarted":
      return `  ${event.engine}: was started anew: ${event.message}`;
    case "experimentStarted":
      return `  experiment ${event.experiment}: ${[`${event.title}; ${counted(event.requests, "request")}`, ...orderOf(event), ...lengthOf(event)].join(", ")}`;
    case "experimentEnded":
      return `  experiment ${event.experiment}: done after ${seconds(event.took)}`;
    case "serviceStarting":
      return `  ${event.service}: starting, log ${event.log}`;
    case "serviceReady":
      return `  ${event.service}: ready after ${seconds(event.after)}, ${event.address}`;
    case "serviceNotUp":
      return `  ${event.service}: not up: ${firstLine(event.message)}`;
    case "serviceDied":
      return `  ${event.service}: ended by itself, and ${event.engines.join(" and ")} needed it: ${event.message}`;
    case "proof":
      return disproof(event);
    case "warning":
      return `  warning: ${event.message}`;
    case "endedAfterUs":
    case "gpuMemoryBack":
      return `  ${afterwards(event)}`;
    case "interrupted": {
      const atMost = event.within === undefined ? "" : `, within ${event.within} s`;
      return `  ${event.signal}: no more requests are sent; what is in flight ends first${atMost} (once more: kill and leave)`;
    }
    case "gone":
    case "serviceGone":
    case "requests":
    case "judged":
    case "testEnded":
      return undefined;
  }
}

/** What to do about it, and the log, follow once everybody has been ended; that may take seconds. */
function firstLine(message: string): string {
  return message.split("\n")[0] ?? "";
}

/** What was proven is for the report; what is not so is told while there is time to stop. */
function disproof({ engine, checks }: Extract<RunEvent, { kind: "proof" }>): string | undefined {
  const failed = checks
    .filter(({ ok }) => ok === false)
    .map(({ what, wanted, found }) => `${what}: wanted ${groupedSize(wanted)}, found ${groupedSize(found)}`);
  return failed.length === 0 ? undefined : `  ${engine}: not what was asked for: ${failed.join("; ")}`;
}

function seconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
}

/** How several engines take turns. */
function orderOf({ engines, order }: RunEvent & { kind: "experimentStarted" }): readonly string[] {
  return engines.length > 1 ? [orderPhrases[order]] : [];
}

function lengthOf({ lasts }: RunEvent & { kind: "experimentStarted" }): readonly string[] {
  return lasts === undefined || lasts < 0.5 ? [] : [`about ${clock(lasts)}`]; // of a burst, how long the engines take is not known
}

function clock(value: number): string {
  const whole = Math.max(0, Math.round(value));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
