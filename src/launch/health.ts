import { setTimeout as pause } from "node:timers/promises";

import { KeptPage } from "../http/keptPage.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Clock } from "../model/host.ts";
import type { Probe, Reading } from "../model/record.ts";
import type { RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { ServiceAddress, ServiceCheck } from "../model/service.ts";
import { urlAt } from "../model/serverUrl.ts";
import { toSeconds, type Nanoseconds, type Seconds } from "../model/time.ts";
import { connectionError, type Server } from "./ask.ts";
import { addressOf } from "./neededServices.ts";
import { reason } from "./readiness.ts";
import { masks } from "./secrets.ts";
import { missingOf } from "./serviceCheck.ts";
import type { RunningService } from "./services.ts";

export interface HealthOptions {
  readonly clock: Pick<Clock, "now">;
  readonly tell: (event: RunEvent) => void;
  readonly everySeconds?: Seconds;
  /** So long it must be unwell without a break before anybody is told. */
  readonly patience?: Seconds;
}

export interface Health {
  /** Looks once a second from its start to its stop. Reads how long each engine took to say that it is well. */
  readonly probe: Probe;
  /** What comes of the requests meanwhile: nobody is missed who has answered all of them. */
  hear(event: RunEvent): void;
  /** The first that we did not start and that is no longer there, as the error that stops the test. */
  death(): HarnessError | undefined;
}

export type WatchedService = Pick<RunningService, "service" | "died">;

/** Whether engines and services are still there and well: asked in the main thread, one question at a time each. */
export function health(engines: readonly RunningEngine[], services: readonly WatchedService[], options: HealthOptions): Health {
  const deaths: HarnessError[] = [];
  const died = (patient: Patient) => {
    const told = deathOf(patient);
    deaths.push(new HarnessError("unreachable", told.short, { hint: told.event.message }));
    options.tell(told.event);
  };
  const patients = [...engines.flatMap(enginePatient), ...services.map(servicePatient)];
  const watches = patients.map((patient) => new Watch(patient, { ...options, died }));
  return {
    probe: {
      name: "health",
      start: async (read) => {
        const first = await Promise.all(watches.map(async (watch) => watch.start(read)));
        return first.some(Boolean);
      },
      stop: async () => {
        await Promise.all(watches.map(async (watch) => watch.stop()));
      },
    },
    hear: (event) => {
      for (const watch of watches) watch.hear(event);
    },
    death: () => deaths[0],
  };
}

type Look = { readonly kind: "well" } | { readonly kind: "unwell"; readonly why: string; readonly isRefused: boolean };

interface Patient {
  readonly name: string;
  readonly engines: readonly string[];
  readonly kind: "engine" | "service";
  /** Not started by us: nobody else sees its end. */
  readonly isForeign: boolean;
  /** As people may see it. */
  readonly where: string;
  /** Resolves when its end is told by whoever started it. */
  readonly died?: Promise<unknown>;
  look(stop: AbortSignal): Promise<Look>;
}

const lookWithin: Seconds = 2;
const well = { kind: "well" } as const;

function enginePatient({ name, reach, engine: { launch, wire }, died }: RunningEngine): readonly Patient[] {
  if (reach.kind === "line" || launch.kind === "inProcess") return [];
  const { path, watched = path } = launch.ready;
  const { url, acceptAnyCertificate } = reach;
  const page = pageOf({ url, acceptAnyCertificate, ...(wire.apiKey === undefined ? {} : { apiKey: wire.apiKey }) }, watched);
  const isForeign = launch.kind === "attached";
  const look = async (stop: AbortSignal) => lookAt(page, watched, stop);
  return [{ name, engines: [name], kind: "engine", isForeign, where: masks(url), died, look }];
}

function pageOf({ url, acceptAnyCertificate, apiKey }: Server, path: string): KeptPage {
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  return new KeptPage(urlAt(url, path), { headers, acceptAnyCertificate });
}

/**
 * Below 500 it may lack such a page, or want a key for it, and be well; of its answers to requests the requests tell. No connection stays open: a
 * server with few workers, each of which reads one until it is closed, needs them for what is measured.
 */
async function lookAt(page: KeptPage, path: string, stop: AbortSignal): Promise<Look> {
  try {
    const { status } = await page.read(lookWithin, stop);
    return status < 500 ? well : { kind: "unwell", why: `${path} answers ${status}`, isRefused: false };
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const why = isLate ? `does not answer ${path} within ${lookWithin} s` : `does not answer ${path} (${reason(error)})`;
    return { kind: "unwell", why, isRefused: reason(error) === "ECONNREFUSED" };
  } finally {
    page[Symbol.dispose]();
  }
}

/** By what it was ready by. Of those that we started it is the process that tells the end, of others a refused connection. */
function servicePatient({ service: one, died }: WatchedService): Patient {
  const { check } = one.service.ready;
  const address = addressOf(one);
  const isForeign = one.service.launch.kind === "running";
  const ask = questionTo(check, address);
  const look = async (stop: AbortSignal): Promise<Look> => {
    const unconnected = isForeign ? await unconnectedAt(address) : undefined;
    if (unconnected !== undefined) return unconnected;
    return ask(stop);
  };
  const where = Object.values(address.ports).map((port) => `${address.host}:${port}`);
  return { name: one.name, engines: one.engines, kind: "service", isForeign, where: where.join(", "), died, look };
}

function questionTo(check: ServiceCheck, address: ServiceAddress): Patient["look"] {
  if (check.kind === "http") {
    const url = `http://${address.host}:${address.ports[check.port]}`;
    const page = pageOf({ url, acceptAnyCertificate: false }, check.path);
    return async (stop) => lookAt(page, check.path, stop);
  }
  return async () => {
    const missing = await missingOf(check, address);
    return missing === undefined ? well : { kind: "unwell", why: missing, isRefused: false };
  };
}

async function unconnectedAt({ host, ports }: ServiceAddress): Promise<Look | undefined> {
  for (const port of Object.values(ports)) {
    const error = await connectionError({ url: `http://${host}:${port}` }, lookWithin);
    if (error === undefined) continue;
    return {
      kind: "unwell",
      why: `takes no connection at ${host}:${port} (${reason(error)})`,
      isRefused: reason(error) === "ECONNREFUSED",
    };
  }
  return undefined;
}

function deathOf({ name, engines, kind, where }: Patient): {
  readonly short: string;
  readonly event: RunEvent & { readonly message: string };
} {
  const refuses = `refuses connections (ECONNREFUSED at ${where})`;
  if (kind === "engine") {
    const message = `${name} ${refuses}`;
    return { short: `engine ${name} was gone while it was measured`, event: { kind: "died", engine: name, message } };
  }
  const message = `service ${name} ${refuses}`;
  return { short: `service ${name} was gone while engines needed it`, event: { kind: "serviceDied", service: name, engines, message } };
}

/** A server that refuses so many connections in a row, a second apart, is not there any more. */
const refusalsOfTheDead = 2;

/** Looks at one patient, and remembers since when it has been unwell. */
class Watch {
  private readonly patient: Patient;
  private readonly options: HealthOptions & { readonly died: (patient: Patient) => void };
  private over = new AbortController();
  private going: Promise<void> = Promise.resolve();
  private since: Nanoseconds | undefined;
  /** Since then: the latest answer. */
  private why = "";
  private isTold = false;
  private refusals = 0;
  private isDead = false;
  /** Of its engines' requests, those that are still to end. */
  private left = 0;
  /** Those that have failed since it was last well. */
  private failed = 0;

  constructor(patient: Patient, options: Watch["options"]) {
    this.patient = patient;
    this.options = options;
    void patient.died?.then(() => (this.isDead = true));
  }

  hear(event: RunEvent): void {
    const { engines } = this.patient;
    if (event.kind === "experimentStarted") {
      const each = event.requests / event.engines.length; // all are sent the same ones
      this.left = each * event.engines.filter((name) => engines.includes(name)).length;
      this.failed = 0;
    }
    if (event.kind === "requests" && engines.includes(event.engine)) {
      this.left -= event.ended;
      this.failed += event.failed - event.dropped;
    }
  }

  async start(read: (reading: Reading) => void): Promise<boolean> {
    this.over = new AbortController();
    this.since = undefined;
    this.isTold = false;
    this.refusals = 0;
    const isWell = await this.look(read);
    this.going = this.goOn(read, this.over.signal);
    return isWell;
  }

  /** One that is missed is asked until it is known how it is, so that its end is told and not only what its last requests came to. */
  async stop(): Promise<void> {
    this.over.abort();
    await this.going;
    if (!this.patient.isForeign) return;
    if (!this.isMissed()) return this.tellIfLeft();
    this.refusals = 0; // that of a moment ago, and another one now, would be no second apart
    while (!(await this.look(() => {})) && !this.isKnown()) await pause(this.everyMilliseconds);
  }

  /** Whether it meant to end, nobody knows. */
  private async tellIfLeft(): Promise<void> {
    if (this.left > 0) return; // we were interrupted
    const found = await this.patient.look(new AbortController().signal);
    if (found.kind === "well" || !found.isRefused) return;
    const { name, where } = this.patient;
    const message = `${name} takes no connections any more (ECONNREFUSED at ${where}): it ended, or shut its door, having answered all that it was asked`;
    this.options.tell({ kind: "warning", message });
  }

  private async goOn(read: (reading: Reading) => void, stop: AbortSignal): Promise<void> {
    for (;;) {
      await pause(this.everyMilliseconds, undefined, { signal: stop, ref: false }).catch(() => {}); // looked at below
      if (stop.aborted) return;
      await this.look(read, stop);
    }
  }

  private async look(read: (reading: Reading) => void, stop = new AbortController().signal): Promise<boolean> {
    if (this.hasDied()) return false;
    const { clock } = this.options;
    const [from, failedBefore] = [clock.now(), this.failed];
    const found = await this.patient.look(stop);
    if (stop.aborted || this.hasDied()) return false;
    if (found.kind === "well") {
      this.failed -= failedBefore;
      this.isWell(read, from);
    } else if (this.isMissed(found)) {
      this.isUnwell(found, from);
    }
    return found.kind === "well";
  }

  private get everyMilliseconds(): number {
    return (this.options.everySeconds ?? 1) * 1_000;
  }

  /**
   * A server that somebody else has started may end once it has answered all that it was asked, and shut its door before that: it is then a request that tells
   * whether it is there. Of a service we do not know what it is asked.
   */
  private isMissed({ isRefused }: { readonly isRefused: boolean } = { isRefused: true }): boolean {
    const { isForeign, kind } = this.patient;
    return !isForeign || kind === "service" || this.failed > 0 || (!isRefused && this.left > 0);
  }

  private isKnown(): boolean {
    return this.isDead || (this.isTold && this.refusals === 0);
  }

  /** A method, since it may change while something is waited for. */
  private hasDied(): boolean {
    return this.isDead;
  }

  private isWell(read: (reading: Reading) => void, from: Nanoseconds): void {
    const { clock, tell } = this.options;
    const { name, engines, kind } = this.patient;
    const at = clock.now();
    if (kind === "engine") read({ at, series: "health-answer-seconds", of: name, value: toSeconds(at - from) });
    // It may have been asked only once meanwhile: a question takes its time, too.
    if (this.since !== undefined) this.tellIfLong(at);
    if (this.isTold && this.since !== undefined) tell({ kind: "wellAgain", name, engines, lasted: toSeconds(at - this.since) });
    this.since = undefined;
    this.isTold = false;
    this.refusals = 0;
  }

  private isUnwell({ why, isRefused }: Extract<Look, { kind: "unwell" }>, from: Nanoseconds): void {
    const { clock, died } = this.options;
    this.since ??= from;
    this.why = why;
    this.refusals = isRefused ? this.refusals + 1 : 0;
    if (this.patient.isForeign && this.refusals >= refusalsOfTheDead) {
      this.isDead = true;
      died(this.patient);
      return;
    }
    this.tellIfLong(clock.now());
  }

  private tellIfLong(at: Nanoseconds): void {
    const { tell, patience = 3 } = this.options;
    const { name, engines } = this.patient;
    const lasted = toSeconds(at - (this.since ?? at));
    if (this.isTold || lasted < patience) return;
    this.isTold = true;
    tell({ kind: "unwell", name, engines, message: masks(this.why), lasted });
  }
}
