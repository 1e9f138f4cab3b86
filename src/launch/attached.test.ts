import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import { createServer as createTcpServer, type AddressInfo } from "node:net";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { Engine } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { attachedLauncher, refuseUnfit } from "./attached.ts";
import { bench, type Bench } from "./fixture.ts";

let at: Bench;
beforeEach(() => {
  at = bench();
});
afterEach(() => at[Symbol.dispose]());

test("a server that is up is proven, and still up after disposal", async () => {
  await using server = await serving(answering({ models: ["tiny"] }));
  const engine = await launch({ url: server.url });
  expect(engine.servedModel).toBe("tiny");
  expect(engine.reach).toEqual({ kind: "http", url: server.url, acceptAnyCertificate: false });
  expect(server.asked).toEqual(["/v1/models", "/v1/models", "/v1/chat/completions", "/version"]);
  await engine[Symbol.asyncDispose]();
  expect((await launch({ url: server.url })).servedModel).toBe("tiny");
});

test("a URL is taken as clients take it, with /v1 or a slash at its end", async () => {
  await using server = await serving(answering({ models: ["tiny"] }));
  for (const ending of ["", "/", "/v1", "/v1/"]) {
    expect((await launch({ url: server.url + ending })).reach).toMatchObject({ url: server.url });
  }
});

test("where nothing listens, that is said at once, with what to do", async () => {
  const server = await serving(answering({ models: ["tiny"] }));
  await server[Symbol.asyncDispose]();
  const error = await launchError({ url: server.url });
  expect(error.code).toBe("unreachable");
  expect(error.message).toContain(server.url);
  expect(error.message).toContain("ECONNREFUSED");
  expect(error.hint).toContain("start the server");
});

test("a refused key is told without the key", async () => {
  await using server = await serving(answering({ models: ["tiny"], key: "sk-right" }));
  const error = await launchError({ url: server.url, wire: { apiKey: "sk-wrong-one" } });
  expect(error).toMatchObject({ code: "unreachable", message: expect.stringContaining("it refuses the API key") });
  expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain("sk-wrong-one");
  const without = await launchError({ url: server.url });
  expect(without.message).toContain("it wants an API key");
});

test("the right key is sent, and told nowhere", async () => {
  await using server = await serving(answering({ models: ["tiny"], key: "sk-right-one" }));
  const engine = await launch({ url: server.url, wire: { apiKey: "sk-right-one" } });
  expect(JSON.stringify([engine.facts, at.told])).not.toContain("sk-right-one");
});

test("of several models one has to be named", async () => {
  await using server = await serving(answering({ models: ["small", "large"] }));
  const error = await launchError({ url: server.url });
  expect(error).toMatchObject({ code: "usage", message: expect.stringContaining("several models: small, large") });
  expect((await launch({ url: server.url, wire: { model: "large" } })).servedModel).toBe("large");
});

test("a model that is not there is told with those that are", async () => {
  await using server = await serving(answering({ models: ["small", "large"] }));
  const error = await launchError({ url: server.url, wire: { model: "lrage" } });
  expect(error).toMatchObject({ code: "usage", message: expect.stringContaining("does not serve lrage, but small, large") });
});

test("a server without a list of models will do when the model is named", async () => {
  await using server = await serving(answering({}));
  expect((await launch({ url: server.url, wire: { model: "tiny" }, readyPath: "/health" })).servedModel).toBe("tiny");
  const error = await launchError({ url: server.url, readyPath: "/health" });
  expect(error).toMatchObject({ code: "unreachable", hint: expect.stringContaining("before /v1") });
});

test("a server that is still loading is waited for", async () => {
  let asked = 0;
  const loaded = answering({ models: ["tiny"] });
  await using server = await serving((request, response) => {
    if (++asked > 2) loaded(request, response);
    else response.writeHead(503).end("loading");
  });
  expect((await launch({ url: server.url })).servedModel).toBe("tiny");
});

test("whoever waits for a server that completes nothing yet is told what for, and for how long", async () => {
  const answers = answering({ models: ["tiny"] });
  await using server = await serving((request, response) => {
    if (request.method === "POST") setTimeout(() => answers(request, response), 3_300);
    else answers(request, response);
  });
  await launch({ url: server.url });
  expect(at.told.map(({ kind }) => kind)).toEqual(["awaited", "ready"]);
  expect(at.told[0]).toMatchObject({ url: server.url, atMost: 10 });
});

test("a server that says that it is asked too often is asked again, a little later", async () => {
  let from = -Infinity;
  let asked = 0;
  const answers = answering({ models: ["tiny"] });
  await using server = await serving((request, response) => {
    if (performance.now() - from > 400) [from, asked] = [performance.now(), 0];
    if (++asked <= 3) answers(request, response);
    else response.writeHead(429).end("too many requests");
  });
  for (let time = 0; time < 2; time++) expect((await launch({ url: server.url })).servedModel).toBe("tiny");
});

test.each([
  ["hangs up on", (response: ServerResponse) => response.destroy()],
  ["has no path for", (response: ServerResponse) => response.writeHead(404).end()],
  ["answers 504 to", (response: ServerResponse) => response.writeHead(504).end()],
])("a server that tells its models and %s a completion is not sent to another URL", async (_, complete) => {
  await using server = await serving((request, response) => {
    if (request.method === "POST") complete(response);
    else answering({ models: ["tiny"] })(request, response);
  });
  const error = await launchError({ url: server.url });
  expect(error.hint).toContain("it answers, but completes nothing: see why in its log");
});

test("a server that refuses the request itself is told with its own words", async () => {
  await using server = await serving((request, response) => {
    if (request.method === "POST") response.writeHead(400).end('{"error": "no chat template"}');
    else answering({ models: ["tiny"] })(request, response);
  });
  const error = await launchError({ url: server.url });
  expect(error).toMatchObject({ code: "unreachable", message: expect.stringContaining("no chat template") });
});

test("a certificate nobody knows is refused unless that is allowed", async () => {
  await using server = await serving(answering({ models: ["tiny"] }), { key: privateKey, cert: certificate });
  const error = await launchError({ url: server.url });
  expect(error).toMatchObject({ code: "unreachable", hint: expect.stringContaining("--accept-any-certificate with --attach") });
  const engine = await launch({ url: server.url, acceptAnyCertificate: true });
  expect(engine.reach).toEqual({ kind: "http", url: server.url, acceptAnyCertificate: true });
});

test("a server that speaks TLS and refuses the handshake is not sent to http", async () => {
  await using server = await serving(answering({ models: ["tiny"] }), {}); // it has no certificate for anybody
  const engine = at.engine("answers", {
    engine: { launch: { kind: "attached", url: server.url, ready: { path: "/v1/models", within: 1 } } },
  });
  await expect(refuseUnfit("plain", engine)).rejects.toMatchObject({ hint: expect.stringContaining("no certificate for the host") });
});

test("a server that speaks something else than HTTP is told as that", async () => {
  await using server = await serving(answering({ models: ["tiny"] }), { key: privateKey, cert: certificate });
  const error = await launchError({ url: server.url.replace("https:", "http:") });
  expect(error).toMatchObject({ code: "unreachable", hint: expect.stringContaining("http and https") });
});

const models = JSON.stringify({ data: [{ id: "tiny" }] });
const choice = JSON.stringify({ choices: [{ delta: { content: "a" } }] });

/** One reply in one chunk, after which the connection is closed. */
function reply(body: string, { head = "", extension = "" } = {}): string {
  const size = `${Buffer.byteLength(body).toString(16)}${extension}`;
  return `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n${head}\r\n${size}\r\n${body}\r\n0\r\n\r\n`;
}

test.each([
  ["an extension after a space in each chunk", { extension: " ;a=b" }, choice],
  ["a head of 20 kB", { head: `x-policy: ${"a".repeat(20_000)}\r\n` }, choice],
  ["a stream that begins with a comment", {}, `: ping\n\ndata: ${choice}\n\n`],
  ["a stream whose events are numbered", {}, `id: 1\ndata: ${choice}\n\ndata: [DONE]\n\n`],
  ["a stream with a byte order mark", {}, `\uFEFFdata: ${choice}\n\n`],
  ["a stream whose lines end with CR", {}, `event: message\rdata: ${choice}\r\r`],
  ["a stream that does not end its last line", {}, `data:${choice}`],
])("%s is proven, as it would be measured", async (_, how, completion) => {
  await using server = await rawServing((path) => reply(path === "/v1/models" ? models : completion, how));
  expect((await launch({ url: server.url })).servedModel).toBe("tiny");
});

test("a server whose replies are broken is told with what is wrong, and not sent from http to https", async () => {
  await using server = await rawServing(() => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfive\r\n");
  const error = await launchError({ url: server.url });
  expect(error.message).toBe(
    `engine plain cannot be measured at ${server.url}: /v1/models does not answer (a chunk's size is not a number)`,
  );
  expect(error.hint).toBe(`try it by hand: curl ${server.url}/v1/models`);
});

test("a redirection is told with where it leads, without the secrets in it", async () => {
  await using server = await serving((_, response) => {
    response.writeHead(307, { location: "https://me:pass-1@elsewhere.example/v1/models?token=secret-1" }).end();
  });
  const error = await launchError({ url: server.url });
  expect(error.message).toBe(
    `engine plain cannot be measured at ${server.url}: /v1/models answers 307 and leads to https://me:***@elsewhere.example/v1/models?token=***`,
  );
  expect(error.hint).toContain("give the URL that it leads to");
});

test("a server that refuses even the list of models, asked below a /v1, is told where its URL should end", async () => {
  await using server = await serving((_, response) => response.writeHead(400).end("bad json"));
  const error = await launchError({ url: `${server.url}/v1/responses` });
  expect(error.message).toBe(`engine plain cannot be measured at ${server.url}/v1/responses: /v1/models answers 400: bad json`);
  expect(error.hint).toContain("end before /v1");
});

test("a URL that is none is the author's mistake", async () => {
  expect(await launchError({ url: "localhost:8000" })).toMatchObject({ code: "usage" });
});

interface Attachment {
  readonly url: string;
  readonly acceptAnyCertificate?: boolean;
  readonly wire?: Partial<Engine["wire"]>;
  readonly readyPath?: string;
}

async function launch({ url, acceptAnyCertificate = false, wire = {}, readyPath = "/v1/models" }: Attachment) {
  const described = at.engine("answers", {
    engine: { launch: { kind: "attached", url, acceptAnyCertificate, ready: { path: readyPath, within: 10 } } },
  });
  return attachedLauncher.launch(at.order({ ...described, wire: { ...described.wire, api: "chat", ...wire } }, {}));
}

async function launchError(attachment: Attachment): Promise<HarnessError> {
  const outcome = await launch(attachment).catch((error: unknown) => error);
  if (!(outcome instanceof HarnessError)) throw new Error("it was attached, or failed in another way", { cause: outcome });
  return outcome;
}

/** Answers as an OpenAI-compatible server does; without models it has no list of them. */
function answering({ models, key }: { models?: readonly string[]; key?: string }): RequestListener {
  const replies: Record<string, unknown> = {
    "/health": {},
    "/v1/models": models === undefined ? undefined : { data: models.map((id) => ({ id })) },
    "/v1/chat/completions": { choices: [{ message: { content: "a" } }] },
  };
  return (request: IncomingMessage, response) => {
    const allowed = key === undefined || request.headers.authorization === `Bearer ${key}`;
    const reply = replies[request.url ?? ""];
    response.writeHead(allowed ? (reply === undefined ? 404 : 200) : 401).end(JSON.stringify(reply ?? {}));
  };
}

interface Serving extends AsyncDisposable {
  readonly url: string;
  readonly asked: string[];
}

async function serving(answer: RequestListener, tls?: ServerOptions): Promise<Serving> {
  const asked: string[] = [];
  const listener: RequestListener = (request, response) => {
    asked.push(request.url ?? "");
    answer(request, response);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((onListening) => server.listen(0, "127.0.0.1", onListening));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: async () => new Promise<void>((onClosed) => server.close(() => onClosed())),
  };
}

/** Answers each question, by its path, with bytes as they are. */
async function rawServing(answer: (path: string) => string): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (bytes) => socket.end(answer(bytes.toString().split(" ")[1] ?? "")));
  });
  await new Promise<void>((onListening) => server.listen(0, "127.0.0.1", onListening));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => new Promise<void>((onClosed) => server.close(() => onClosed())),
  };
}

// Made for this test alone: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=nobody.invalid
const privateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYQ4wT6v4lOYw9L1o
oVcqnSxSCnxWuoPQP9RgmNDDYYqhRANCAARcqv63ihzEWeSQnlnzispNfjaCpRI6
Ab/gTdzxKWU++yrwDLc9/3AlBKDGWJq1kWJ9G+SrdNKoCgGuPVpJKFy8
-----END PRIVATE KEY-----`;
const certificate = `-----BEGIN CERTIFICATE-----
MIIBijCCAS+gAwIBAgIUbDUD91SF8C0UxbNKfMR9PFeuahUwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwObm9ib2R5LmludmFsaWQwIBcNMjYxMTI0MTEyMDI4WhgPMjEy
NjEwMzExMTIwMjhaMBkxFzAVBgNVBAMMDm5vYm9keS5pbnZhbGlkMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEXKr+t4ocxFnkkJ5Z84rKTX42gqUSOgG/4E3c8Sll
Pvsq8Ay3Pf9wJQSgxliatZFifRvkq3TSqAoBrj1aSShcvKNTMFEwHQYDVR0OBBYE
FBzBOz4qyE7Xto+WqES87KYHPXTCMB8GA1UdIwQYMBaAFBzBOz4qyE7Xto+WqES8
7KYHPXTCMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAKILBBtU
S7+Z8YvRg1iw0evh3aA6gMvBOHLpacj6/96lAiEAvQIuO7GYs8eCOqHfKEx8XorP
Z7xI6CRkAU5pLWatfv4=
-----END CERTIFICATE-----`;
