import { setTimeout as pause } from "node:timers/promises";

import type { Engine, Launch, Readiness } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Launcher, LaunchOrder, RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { querySecrets, serverUrl, urlAt } from "../model/serverUrl.ts";
import { shellWord } from "../model/shellWord.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import { descendantsOf } from "../host/processTable.ts";
import { listenersOn } from "../host/listeningSockets.ts";
import { addressOf } from "../http/addressOf.ts";
import { connectionError, type Server } from "./ask.ts";
import { certificateAdvice } from "./certificateAdvice.ts";
import { choice, isLate, reason, standing, type Standing } from "./readiness.ts";
import { masks } from "./secrets.ts";
import { whyStopped } from "./whyStopped.ts";

/** Takes a server that is up already. It is asked what it is and proven to answer, never started and never ended. */
export const attachedLauncher: Launcher = {
  kind: "attached",
  started: () => undefined,
  launch: async (order) => {
    const { name, engine, clock, tell } = order;
    const { launch } = engine;
    if (launch.kind !== "attached") throw new TypeError(`the attached launcher was given an engine of kind ${launch.kind}`);
    const from = clock.now();
    const server = serverAt(launch, engine.wire.apiKey);
    const proof = await provenOrTold(server, launch, order);
    const url = masks(server.url);
    tell({ kind: "ready", engine: name, after: toSeconds(clock.now() - from), url, facts: proof.facts });
    return attachedTo(server, order, proof);
  },
};

/** Who waits for longer than this is told what for, in milliseconds. */
const patience = 3_000;

/** How long a server may take to tell its models before it is taken for one that hangs. */
const silentAtMost: Seconds = 10;

export interface Patience {
  /** For each question; a silence that is as long is in the way. */
  readonly each?: Seconds;
  /** Told where it takes long. */
  readonly tell?: (event: RunEvent) => void;
}

/**
 * Throws where no server that could be measured answers: none at all, one that has none of our paths, wants a key, or lacks the model. One that
 * says it is busy, or still loading, is not in the way. Returns the context limit that it tells.
 */
export async function refuseUnfit(name: string, engine: Engine, patience: Patience = {}): Promise<number | undefined> {
  const { launch, wire } = engine;
  if (launch.kind !== "attached") return undefined;
  const server = serverAt(launch, wire.apiKey);
  const { url } = server;
  const cause = await connectionError({ url }, 5);
  if (cause === undefined) return refuseByAnswer({ name, engine }, server, launch.ready, patience);
  throw new HarnessError("unreachable", `engine ${name} cannot be connected to at ${masks(url)}: ${connectionPhrase(cause)}`, {
    hint: adviceFor(url, { cause }),
    cause,
  });
}

async function refuseByAnswer(
  { name, engine }: Pick<LaunchOrder, "name" | "engine">,
  server: Server,
  ready: Readiness,
  { each = silentAtMost, tell = () => {} }: Patience,
): Promise<number | undefined> {
  const message = `engine ${name} does not answer yet at ${masks(server.url)}; waited for, ${each} s at most for each answer`;
  const timer = setTimeout(() => tell({ kind: "warning", message }), patience);
  const look = { readyPath: ready.path, each, signal: new AbortController().signal };
  const found = await choice(server, engine, look).finally(() => clearTimeout(timer));
  if (found.kind === "never") throw unfit(server, { name, engine }, found);
  if (found.kind === "notYet" && patienceWith(found, ready) === 0) throw unreachable(server, { name, engine }, found);
  return found.kind === "chosen" ? found.contextLimit : undefined;
}

function connectionPhrase(cause: Error): string {
  const code = reason(cause);
  const words = connectionPhrases[code];
  return words === undefined ? code : `${words} (${code})`;
}

const connectionPhrases: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "name not found",
  EAI_AGAIN: "name not found",
  EHOSTUNREACH: "no way to its host",
  ENETUNREACH: "no way to its network",
  ETIMEDOUT: "no answer to the connection",
};

type AttachedLaunch = Extract<Launch, { kind: "attached" }>;
type Proof = Extract<Standing, { kind: "proven" }>;

function serverAt({ url, acceptAnyCertificate = false }: AttachedLaunch, apiKey: string | undefined): Server {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new HarnessError("usage", `${masks(url)} is not a URL of a server`, {
      hint: "it looks like http://127.0.0.1:8000 or https://host/path",
    });
  }
  return { url: serverUrl(parsed), acceptAnyCertificate, ...(apiKey === undefined ? {} : { apiKey }) };
}

async function provenOrTold(server: Server, launch: AttachedLaunch, order: LaunchOrder): Promise<Proof> {
  const awaited = { kind: "awaited", engine: order.name, url: masks(server.url), atMost: launch.ready.within } as const;
  const timer = setTimeout(() => order.tell(awaited), patience);
  try {
    return await proven(server, launch, order);
  } catch (error) {
    if (error instanceof HarnessError) order.tell({ kind: "notUp", engine: order.name, message: error.message, ...hintOf(error) });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function hintOf({ hint }: HarnessError): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}

/** A server that says that it is loading, or asked too often, is waited for; one that does not answer is told of at once. */
async function proven(server: Server, { ready }: AttachedLaunch, order: LaunchOrder): Promise<Proof> {
  const from = performance.now();
  for (;;) {
    const waited = (performance.now() - from) / 1000;
    const left = ready.within - waited;
    const asking = { readyPath: ready.path, each: 10, left: Math.max(1, Math.min(left, 120)), signal: order.signal };
    const found = await standing(server, order.engine, asking);
    if (found.kind === "proven") return found;
    if (order.signal.aborted) {
      throw new HarnessError("unreachable", `engine ${order.name} was not asked to the end: ${whyStopped(order.signal)}`);
    }
    if (found.kind === "never") throw unfit(server, order, found);
    if (waited >= patienceWith(found, ready)) throw unreachable(server, order, found);
    await pause(500);
  }
}

type NotYet = Extract<Standing, { kind: "notYet" }>;

/** Limits count by seconds, and what asks for readiness asks several times in one; of a quota that is used up a server says the same. */
const asksTooOften: Seconds = 10;

function patienceWith({ status }: NotYet, { within }: Readiness): Seconds {
  if (status === 503) return within;
  return status === 429 ? Math.min(asksTooOften, within) : 0;
}

function unfit(
  { url }: Server,
  { name, engine }: Pick<LaunchOrder, "name" | "engine">,
  never: Extract<Standing, { kind: "never" }>,
): HarnessError {
  const { because, why, hint } = never;
  const code = because === "model" ? "usage" : "unreachable";
  return new HarnessError(code, masks(`engine ${name} answers at ${url}, but ${why}`, secretsOf(url, engine)), { hint });
}

function unreachable({ url }: Server, { name, engine }: Pick<LaunchOrder, "name" | "engine">, found: NotYet): HarnessError {
  const message = masks(`engine ${name} cannot be measured at ${url}: ${found.waitingFor}`, secretsOf(url, engine));
  return new HarnessError("unreachable", message, { hint: adviceFor(url, found), cause: found.cause });
}

function secretsOf(url: string, { wire: { apiKey } }: Engine): readonly string[] {
  return [...(apiKey === undefined ? [] : [apiKey]), ...querySecrets(url)];
}

function adviceFor(url: string, { cause, status, hasAnswered = false }: Pick<NotYet, "cause" | "status" | "hasAnswered">): string {
  const code = cause === undefined ? "" : reason(cause);
  if (code === "ECONNREFUSED") return "nothing listens there: start the server, or look at host and port of the URL";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "its name is not known here: look at the host of the URL";
  if (code === "EADDRNOTAVAIL") return "this machine has no port left for a connection: those that were closed hold theirs for a minute";
  const ofCertificate = certificateAdvice(code);
  if (ofCertificate !== undefined) return ofCertificate;
  if (status !== undefined && status >= 300 && status < 400)
    return "redirections are not followed, since each would be part of what is measured: give the URL that it leads to";
  if (status === 429) return "it is asked more often than it allows: raise that limit, or run it again when it may be asked";
  if (hasAnswered)
    return "it answers, but completes nothing: see why in its log, or in that of what stands before it; is its API the engine's: chat or completions?";
  if (isLate(cause))
    return `it takes connections and is silent: it hangs, or is still loading; try it by hand: curl ${shellWord(masks(urlAt(url, "/v1/models")))}`;
  if (/_ALERT_/.test(code))
    return "it speaks https, but not to us: it may have no certificate for the host of the URL, or want one of its client";
  if (/EPROTO|ECONNRESET|closed the connection|Expected HTTP\/|wrong version|SSL_|handshake/i.test(code))
    return "it may speak the other one of http and https: look at the start of the URL";
  if (status === 404 || (status !== undefined && /\/v1\//.test(url)))
    return "the URL should end before /v1; does an OpenAI-compatible server answer there?";
  return `try it by hand: curl ${shellWord(masks(urlAt(url, "/v1/models")))}`;
}

function attachedTo({ url, acceptAnyCertificate }: Server, { name, engine }: LaunchOrder, { facts, servedModel }: Proof): RunningEngine {
  return {
    name,
    engine,
    reach: { kind: "http", url, acceptAnyCertificate },
    facts,
    servedModel,
    neighbours: () => processesAt(url),
    died: new Promise(() => {}),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Whoever listens there on this machine, be it the server or a way to it, and what it has started. */
function processesAt(url: string): readonly number[] {
  const { host, port } = addressOf(new URL(url));
  if (!/^(localhost|127\..*|::1)$/.test(host)) return [];
  const listeners = listenersOn(port);
  return descendantsOf(listeners.flatMap(({ pid }) => pid ?? [])).filter((pid) => pid !== process.pid);
}
