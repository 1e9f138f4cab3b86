import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How a program that stands in for an engine behaves: as the real one was read or recorded to. */
export interface Behaviour {
  /** Its name on the PATH. */
  readonly program: string;
  /** The flag its port follows. */
  readonly portFlag: string;
  /** What health answers while it loads, and once it has. */
  readonly loading?: { readonly status: number; readonly body: string };
  /** Ids that /v1/models lists; undefined answers with this status instead. */
  readonly models?: readonly string[];
  readonly modelsStatus?: number;
  /** What /v1/models tells of each beside its id. */
  readonly meta?: Readonly<Record<string, number>>;
  /** What these paths answer. */
  readonly info?: Readonly<Record<string, object>>;
  /** In every answer that is no stream. */
  readonly fingerprint?: string;
  /** Fields of a request that it knows; any other is refused with this status. Undefined passes over them. */
  readonly known?: readonly string[];
  readonly refusal?: number;
  readonly takesTokenIds: boolean;
  /** Its streams end with [DONE]. */
  readonly saysDone: boolean;
}

/** A folder with one stand-in program, first on a PATH. */
export interface StandIn extends Disposable {
  readonly path: string;
  readonly directory: string;
  /** Its arguments, and the bodies of the requests it was sent. */
  started(): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> };
  bodies(): readonly Readonly<Record<string, unknown>>[];
}

export function standIn(behaviour: Behaviour): StandIn {
  const directory = mkdtempSync(join(tmpdir(), "tandem-stand-in-"));
  const file = join(directory, behaviour.program);
  writeFileSync(file, `#!${process.execPath}\nconst behaviour = ${JSON.stringify({ ...behaviour, directory })};\n${source}`);
  chmodSync(file, 0o755);
  const written = (name: string): unknown => JSON.parse(readFileSync(join(directory, name), "utf8"));
  return {
    path: directory,
    directory,
    started: () => written("started.json") as ReturnType<StandIn["started"]>, // as `source` writes it
    bodies: () => written("bodies.json") as ReturnType<StandIn["bodies"]>,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

const source = `
const { createServer } = require("node:http");
const { writeFileSync } = require("node:fs");
const { loading, models, modelsStatus, meta, info = {}, fingerprint, known, refusal, takesTokenIds, saysDone, directory, portFlag } = behaviour;
const args = process.argv.slice(2);
writeFileSync(directory + "/started.json", JSON.stringify({ args, env: process.env }));
const bodies = [];
const loaded = Date.now() + 300;
const say = (response, status, body) => response.writeHead(status, { "content-type": "application/json" }).end(typeof body === "string" ? body : JSON.stringify(body));
const complete = (response, body, chat) => {
  bodies.push(body);
  writeFileSync(directory + "/bodies.json", JSON.stringify(bodies));
  const unknown = known === undefined ? [] : Object.keys(body).filter((field) => !known.includes(field));
  if (unknown.length > 0) return say(response, refusal, { detail: "Unexpected keys in the request: " + unknown.join(", ") });
  if (Array.isArray(body.prompt) && !takesTokenIds) return say(response, 422, { detail: "prompt must be a string" });
  const usage = { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 };
  const choice = (text, reason) => chat
    ? { index: 0, delta: { role: "assistant", content: text }, finish_reason: reason }
    : { index: 0, text, finish_reason: reason };
  if (!body.stream) return say(response, 200, { choices: [chat ? { message: { content: "a" } } : { text: "a" }], system_fingerprint: fingerprint, usage });
  response.writeHead(200, { "content-type": "text/event-stream" });
  const event = (data) => response.write("data: " + data + "\\n\\n");
  for (const text of [" one", " two"]) event(JSON.stringify({ choices: [choice(text, null)] }));
  event(JSON.stringify(saysDone ? { choices: [choice(" three", "length")] } : { choices: [choice(" three", "length")], usage }));
  if (saysDone && body.stream_options?.include_usage) event(JSON.stringify({ choices: [], usage }));
  if (saysDone) event("[DONE]");
  response.end();
};
createServer((request, response) => {
  if (request.url === "/health") return loading !== undefined && Date.now() < loaded ? say(response, loading.status, loading.body) : say(response, 200, {});
  if (request.url === "/v1/models") return models === undefined ? say(response, modelsStatus, {}) : say(response, 200, { data: models.map((id) => ({ id, meta })) });
  if (info[request.url] !== undefined) return say(response, 200, info[request.url]);
  if (request.method !== "POST") return say(response, 404, {});
  let text = "";
  request.on("data", (piece) => (text += piece));
  request.on("end", () => complete(response, JSON.parse(text), request.url.includes("/chat/")));
}).listen(Number(args[args.indexOf(portFlag) + 1]), "127.0.0.1");
`;
