import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { simulatedVersion } from "../model/simulatedVersion.ts";
import type { Nanoseconds } from "../model/time.ts";
import { decode } from "../model/vocabulary.ts";
import type { GenerationListener, GenerationUsage, SimulatedCore } from "./core.ts";
import { metricsText } from "./metrics.ts";
import type { Api, Refusal, Serving, Wanted } from "./openAi.ts";
import { AnswerFormat, badRequest, isRefusal, notFound, parseCompletion, parseDetokenize, parseTokenize, refusalBody } from "./openAi.ts";
import type { TruthLog } from "./truthLog.ts";
import { monotonic, TokenStamps } from "./truthLog.ts";

export interface ServerOptions {
  readonly servedModel: string;
  readonly tokenIdOffset: number;
  readonly truth?: TruthLog;
}

/** The simulated engine behind OpenAI's API, as vLLM speaks it. Not listening yet. */
export function simulatedServer(core: SimulatedCore, { servedModel, tokenIdOffset, truth }: ServerOptions): Server {
  const house: House = {
    core,
    serving: { servedModel, tokenIdOffset, contextLimit: core.contextLimit },
    truth,
    started: unixSeconds(),
    served: 0,
  };
  // A client may open its connections long before it sends something: no timeouts while waiting for a request.
  const server = createServer({ noDelay: true, keepAliveTimeout: 600_000, headersTimeout: 0, requestTimeout: 0 });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => receive(house, request, response));
  return server;
}

/** What every request sees. */
interface House {
  readonly core: SimulatedCore;
  readonly serving: Serving;
  readonly truth: TruthLog | undefined;
  readonly started: number;
  served: number;
}

interface Call {
  readonly house: House;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly requestId: string | undefined;
  readonly received: number;
  readonly body: unknown;
}

const routes: Readonly<Record<string, (call: Call) => void>> = {
  "GET /health": ({ response }) => send(response, 200, "text/plain", ""),
  "GET /version": ({ response }) => sendJson(response, { version: simulatedVersion }),
  "GET /metrics": ({ house, response }) =>
    send(response, 200, "text/plain; version=0.0.4", metricsText(house.core.counts(), house.serving.servedModel) + processText()),
  "GET /v1/models": ({ house, response }) => sendJson(response, modelList(house)),
  "POST /v1/completions": (call) => complete(call, "completions"),
  "POST /v1/chat/completions": (call) => complete(call, "chat"),
  "POST /tokenize": tokenize,
  "POST /detokenize": detokenize,
  "POST /reset_prefix_cache": ({ house, response, query }) =>
    sendJson(response, { success: house.core.resetCaches({ cpu: query.get("reset_external") === "true" }) }),
};

function receive(house: House, request: IncomingMessage, response: ServerResponse): void {
  const received = monotonic();
  const url = new URL(request.url ?? "/", "http://simulated");
  const requestId = request.headers["x-request-id"];
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  request.on("end", () => {
    const route = routes[`${request.method ?? ""} ${url.pathname}`];
    const body = parseJson(Buffer.concat(pieces));
    if (route === undefined) return refuse(response, notFound(`there is no ${request.method ?? ""} ${url.pathname}`));
    if (body.kind === "broken") return refuse(response, badRequest(`the body is not JSON: ${body.why}`));
    route({
      house,
      response,
      query: url.searchParams,
      requestId: typeof requestId === "string" ? requestId : undefined,
      received,
      body: body.value,
    });
  });
}

type Parsed = { readonly kind: "value"; readonly value: unknown } | { readonly kind: "broken"; readonly why: string };

function parseJson(bytes: Buffer): Parsed {
  if (bytes.length === 0) return { kind: "value", value: undefined };
  try {
    return { kind: "value", value: JSON.parse(bytes.toString()) as unknown };
  } catch (error) {
    return { kind: "broken", why: error instanceof Error ? error.message : String(error) };
  }
}

function complete(call: Call, api: Api): void {
  const { house, response } = call;
  const wanted = parseCompletion(api, call.body, house.serving);
  if (isRefusal(wanted)) return refuse(response, wanted);
  const id = call.requestId ?? String(++house.served);
  const format = new AnswerFormat(wanted, { id, created: unixSeconds(), model: house.serving.servedModel });
  const answer = wanted.stream ? new StreamedAnswer(response, format, wanted) : new WholeAnswer(response, format, wanted);
  const generation = house.core.submit(wanted.prompt, wanted.maxOutputTokens, answer);
  response.on("close", () => {
    generation.abort();
    house.truth?.add(() => truthOf(call, format.id, wanted, answer));
  });
}

function truthOf({ requestId, received }: Call, id: string, { prompt }: Wanted, answer: Answer) {
  return {
    id,
    ...(requestId === undefined ? {} : { requestId }),
    received,
    ...(answer.headersAt === undefined ? {} : { headers: answer.headersAt }),
    tokens: answer.stamps.all(),
    due: answer.stamps.allDue(),
    promptTokens: prompt.length,
    cut: !answer.complete,
  };
}

/** An answer on its way out, with the truth about it. */
interface Answer extends GenerationListener {
  readonly stamps: TokenStamps;
  readonly headersAt: number | undefined;
  readonly complete: boolean;
}

/** Server-sent events, one per token. */
class StreamedAnswer implements Answer {
  readonly stamps: TokenStamps;
  headersAt: number | undefined;
  complete: boolean;
  private readonly response: ServerResponse;
  private readonly format: AnswerFormat;
  private readonly opening: string;

  constructor(response: ServerResponse, format: AnswerFormat, { api, maxOutputTokens }: Wanted) {
    this.stamps = new TokenStamps(maxOutputTokens);
    this.headersAt = undefined;
    this.complete = false;
    this.response = response;
    this.format = format;
    this.opening = api === "chat" ? format.roleEvent() : "";
  }

  queued(): void {
    this.headersAt = monotonic();
    this.response.writeHead(200, { ...marks, "content-type": "text/event-stream; charset=utf-8" });
    this.response.flushHeaders();
  }

  token(at: Nanoseconds, token: number): void {
    const event = this.format.tokenEvent(decode([token]), this.stamps.count + 1);
    const text = this.stamps.count === 0 ? this.opening + event : event;
    this.stamps.stamp(at);
    this.response.write(text);
    // Node holds writes back until the end of the turn, when the tokens of the whole step would go out together.
    this.response.socket?.uncork();
  }

  finished(_at: Nanoseconds, usage: GenerationUsage): void {
    this.complete = true;
    this.response.end(this.format.closingEvents(usage));
  }
}

/** One JSON body when everything is there. */
class WholeAnswer implements Answer {
  readonly stamps: TokenStamps;
  headersAt: number | undefined;
  complete: boolean;
  private readonly response: ServerResponse;
  private readonly format: AnswerFormat;
  private readonly tokens: number[];

  constructor(response: ServerResponse, format: AnswerFormat, { maxOutputTokens }: Wanted) {
    this.stamps = new TokenStamps(maxOutputTokens);
    this.headersAt = undefined;
    this.complete = false;
    this.response = response;
    this.format = format;
    this.tokens = [];
  }

  queued(): void {
    // The head of a whole answer goes out with its body.
  }

  token(at: Nanoseconds, token: number): void {
    this.stamps.stamp(at);
    this.tokens.push(token);
  }

  finished(_at: Nanoseconds, usage: GenerationUsage): void {
    this.complete = true;
    this.headersAt = monotonic();
    send(this.response, 200, "application/json", this.format.body(decode(this.tokens), usage));
  }
}

function tokenize({ house, response, body }: Call): void {
  const tokens = parseTokenize(body, house.serving);
  if (!Array.isArray(tokens)) return refuse(response, tokens as Refusal);
  sendJson(response, { count: tokens.length, max_model_len: house.core.contextLimit, tokens, token_strs: null });
}

function detokenize({ house, response, body }: Call): void {
  const tokens = parseDetokenize(body, house.serving);
  if (!Array.isArray(tokens)) return refuse(response, tokens as Refusal);
  sendJson(response, { prompt: decode(tokens as readonly number[]) });
}

function modelList({ core, serving, started }: House): object {
  const model = {
    id: serving.servedModel,
    object: "model",
    created: started,
    owned_by: "tandem-simulated",
    root: core.model.name,
    parent: null,
    max_model_len: core.contextLimit,
  };
  return { object: "list", data: [model] };
}

/** On every response: nobody may take this for a measurement of a real engine. */
const marks = { "x-tandem-simulated": "true" };

function refuse(response: ServerResponse, refusal: Refusal): void {
  send(response, refusal.status, "application/json", refusalBody(refusal));
}

function sendJson(response: ServerResponse, value: object): void {
  send(response, 200, "application/json", JSON.stringify(value));
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { ...marks, "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

/** As Prometheus' client library adds it for vLLM. */
function processText(): string {
  return `# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds ${performance.timeOrigin / 1000}\n`;
}

function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
