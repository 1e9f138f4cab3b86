import { validateHeaderValue } from "node:http";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

import { addressOf, serverName } from "../http/addressOf.ts";
import { KeptPage, type Answer as PageAnswer } from "../http/keptPage.ts";
import type { RunningEngine } from "../model/running.ts";
import { urlAt } from "../model/serverUrl.ts";
import type { Seconds } from "../model/time.ts";

/** A server as its launcher speaks to it: a question now and then, far from the load. */
export interface Server {
  /** Without a trailing slash and without /v1; its query goes with every question. */
  readonly url: string;
  readonly acceptAnyCertificate: boolean;
  readonly apiKey?: string;
}

export interface Question {
  readonly path: string;
  /** Sent as JSON by POST; without one it is a GET. */
  readonly body?: unknown;
  readonly within: Seconds;
  readonly signal?: AbortSignal;
}

export interface Answer extends Omit<PageAnswer, "body"> {
  readonly text: string;
}

/**
 * One question on a connection of its own, so that whoever has the port now is the one who answers; read as replies to the load are. Rejects
 * where nobody does.
 */
export async function ask(server: Server, { path, body, within, signal = new AbortController().signal }: Question): Promise<Answer> {
  const authorization = server.apiKey === undefined ? {} : { authorization: `Bearer ${server.apiKey}` };
  const headers = { accept: "application/json", connection: "close", ...authorization };
  for (const [name, value] of Object.entries(headers)) validateHeaderValue(name, value);
  const content = body === undefined ? {} : { content: JSON.stringify(body) };
  using page = new KeptPage(urlAt(server.url, path), { headers, acceptAnyCertificate: server.acceptAnyCertificate, ...content });
  const { body: answered, ...answer } = await page.read(within, signal);
  return { ...answer, text: answered.toString("utf8") };
}

/** The same of an engine that is up, with its key, over HTTP. */
export async function askEngine({ reach, engine: { wire } }: Pick<RunningEngine, "reach" | "engine">, question: Question): Promise<Answer> {
  if (reach.kind === "line") throw new TypeError("an engine in this very process is not asked over HTTP");
  const { url, acceptAnyCertificate } = reach;
  return ask({ url, acceptAnyCertificate, ...(wire.apiKey === undefined ? {} : { apiKey: wire.apiKey }) }, question);
}

/** Whether anybody takes a connection there. Far cheaper than asking the system who it is, so it can be asked often. */
export async function isListening(server: Pick<Server, "url">): Promise<boolean> {
  return (await connectionError(server, 1)) === undefined;
}

/** Why no connection can be opened there, TLS included; undefined where one was, whatever would be answered on it. */
export async function connectionError({ url }: Pick<Server, "url">, within: Seconds): Promise<Error | undefined> {
  const { host, port, isTls } = addressOf(new URL(url));
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  // Node's own 250 ms for each address of a name are too few for one far away.
  const socket = connect({ host, port, autoSelectFamilyAttemptTimeout: Math.max(250, within * 400) });
  let late = `no connection within ${within} s`;
  const timer = setTimeout(() => resolve(new Error(late)), within * 1_000);
  // Certificates are for whoever asks: here it only matters whether TLS is spoken.
  const secured = isTls ? connectTls({ socket, rejectUnauthorized: false, ...serverName(host) }) : undefined;
  socket.once("connect", () => {
    if (secured === undefined) resolve(undefined);
    else late = "it takes the connection, and no TLS handshake";
  });
  secured?.once("secureConnect", () => resolve(undefined));
  for (const end of [socket, secured]) end?.on("error", resolve);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    secured?.destroy();
    socket.destroy();
  }
}
