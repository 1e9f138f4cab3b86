import type { Wire } from "../model/engine.ts";
import type { Replies } from "../model/exchange.ts";
import { partsOf, type Message, type Passage, type ReplyOf, type Request } from "../model/request.ts";

/** Where requests go, apart from the connection itself. */
export interface Destination {
  readonly url: URL;
  readonly wire: Wire;
  readonly servedModel: string;
  readonly namesRequests?: boolean;
}

/** Makes a request's bytes, head and body: before it is due, so that sending it is one write. */
export type RequestWriter = (request: Request, replies: Replies) => Buffer;

export function requestWriter(destination: Destination): RequestWriter {
  const { wire, namesRequests } = destination;
  const head = `${headStart(destination)}Content-Length: `;
  const key = wire.api === "chat" ? "messages" : "prompt";
  // Nearly all requests of a run differ in nothing but their prompt.
  const starts = new Map<number, BodyStart>();
  const startOf = (maxOutputTokens: number): BodyStart => {
    const text = `${optionsJson(maxOutputTokens, destination)},"${key}":`;
    const start = { text, bytes: Buffer.byteLength(text) };
    starts.set(maxOutputTokens, start);
    return start;
  };
  return (request, replies) => {
    const start = starts.get(request.maxOutputTokens) ?? startOf(request.maxOutputTokens);
    const ids = promptIds(request, wire);
    const prompt = ids ?? (wire.api === "chat" ? messagesJson(request, replies) : promptJson(request, replies));
    const promptBytes = typeof prompt === "string" ? Buffer.byteLength(prompt) : prompt.length;
    const name = namesRequests === true ? `X-Request-Id: ${request.id}\r\n` : "";
    const beginning = `${head}${start.bytes + promptBytes + 1}\r\n${name}\r\n${start.text}`;
    return joined(beginning, prompt, promptBytes);
  };
}

/** A body up to its prompt. */
interface BodyStart {
  readonly text: string;
  readonly bytes: number;
}

const longText = 4_096;

/** With the body's last brace; in one piece of memory, into which a long prompt is written once. */
function joined(beginning: string, prompt: string | Buffer, promptBytes: number): Buffer {
  if (typeof prompt === "string" && promptBytes < longText) return Buffer.from(`${beginning}${prompt}}`);
  const beginningBytes = Buffer.byteLength(beginning);
  const bytes = Buffer.allocUnsafe(beginningBytes + promptBytes + 1);
  bytes.write(beginning, 0);
  if (typeof prompt === "string") bytes.write(prompt, beginningBytes);
  else bytes.set(prompt, beginningBytes);
  bytes[beginningBytes + promptBytes] = closeBrace;
  return bytes;
}

/** What is the same in every request's head. */
function headStart({ url, wire }: Destination): string {
  return [
    `POST ${pathOf(url, wire.api)} HTTP/1.1`,
    `Host: ${url.host}`,
    "User-Agent: tandem",
    "Accept: text/event-stream",
    "Accept-Encoding: identity",
    "Content-Type: application/json",
    ...(wire.apiKey === undefined ? [] : [`Authorization: Bearer ${wire.apiKey}`]),
    "",
  ].join("\r\n");
}

function pathOf(url: URL, api: Wire["api"]): string {
  const base = url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
  return `${base}/v1/${api === "chat" ? "chat/completions" : "completions"}${url.search}`;
}

/** Everything but the prompt, as an object whose closing brace is left off. */
function optionsJson(maxOutputTokens: number, { wire, servedModel }: Destination): string {
  const fixedLength = wire.fixesLength ? { ignore_eos: true, min_tokens: maxOutputTokens } : {};
  const options = {
    model: servedModel,
    max_tokens: maxOutputTokens,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
    ...fixedLength,
    ...wire.extraBody,
  };
  return JSON.stringify(options).slice(0, -1);
}

function messagesJson(request: Request, replies: Replies): string {
  const messages = request.messages.map((message) => ({ role: message.role, content: textOfMessage(message, replies) }));
  return JSON.stringify(messages);
}

function promptJson({ messages }: Request, replies: Replies): string {
  let text = "";
  for (const message of messages) text += textOfMessage(message, replies);
  return JSON.stringify(text);
}

/** Undefined where the prompt goes as text. */
function promptIds(request: Request, { takesTokenIds, tokenIdOffset, api }: Wire): Buffer | undefined {
  const passages = takesTokenIds && api === "completions" ? passagesOf(request) : undefined;
  return passages === undefined ? undefined : idList(passages, tokenIdOffset);
}

function textOfMessage({ parts }: Message, replies: Replies): string {
  let text = "";
  for (const part of parts) text += textOfPart(part, replies);
  return text;
}

function textOfPart(part: Passage | ReplyOf, replies: Replies): string {
  if (part.kind === "passage") return part.text;
  const text = part.source === "scripted" ? part.scripted?.text : replies(part.request);
  if (text === undefined) throw new Error(`the reply of request ${part.request} is not there yet, but a later prompt contains it`);
  return text;
}

/** Undefined when some part has no known token ids: an engine's own reply comes as text, and then the whole prompt goes as text. */
function passagesOf(request: Request): readonly Passage[] | undefined {
  const passages = partsOf(request).map((part) =>
    part.kind === "passage" ? part : part.source === "scripted" ? part.scripted : undefined,
  );
  return passages.every((passage) => passage !== undefined) ? passages : undefined;
}

const mostDigits = 10;
const comma = 44;
const openBracket = 91;
const closeBracket = 93;
const closeBrace = 125;
const zero = 48;

/** As a list in JSON. Digits are written straight into bytes: a prompt of 100 k tokens takes a millisecond, and nobody's stamps wait longer. */
function idList(passages: readonly Passage[], offset: number): Buffer {
  const count = passages.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  const bytes = Buffer.allocUnsafe(count * (mostDigits + 1) + 2);
  bytes[0] = openBracket;
  let at = 1;
  for (const { tokenIds } of passages) {
    for (const id of tokenIds) {
      at = writeNumber(bytes, at, id + offset);
      bytes[at++] = comma;
    }
  }
  const end = Math.max(1, at - 1); // over the last comma
  bytes[end] = closeBracket;
  return bytes.subarray(0, end + 1);
}

function writeNumber(bytes: Buffer, start: number, value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.trunc(rest / 10)) digits++;
  let rest = value;
  for (let at = start + digits - 1; at >= start; at--) {
    bytes[at] = zero + (rest % 10);
    rest = Math.trunc(rest / 10);
  }
  return start + digits;
}
