import type { Head } from "../http/head.ts";
import { failed, type Outcome } from "../model/outcome.ts";
import { withoutQuerySecrets } from "../model/serverUrl.ts";
import { complaintIn, withoutSecrets } from "./complaint.ts";

/** A reply whose body is no stream of events, as far as it was kept, and what it is to be called. */
export interface OtherReply {
  readonly head: Head;
  readonly text: string;
  /** Never to be seen in a message, whatever the server answers. */
  readonly secrets: readonly string[];
}

/** The outcome of a reply with another status than success. */
export function refusal(reply: OtherReply): Outcome {
  const { status, compression, location } = reply.head;
  const leads = location === undefined ? undefined : complaintIn(withoutQuerySecrets(location), reply.secrets);
  const what = leads === undefined ? `HTTP ${status}` : `HTTP ${status}, which leads to ${leads}`;
  return failed("http-status", withComplaint(what, compression === undefined ? said(reply) : compressed(reply, compression)));
}

/** The outcome of a reply that says success, and is something else than what was asked for. */
export function notAStream(reply: OtherReply): Outcome {
  const { contentType, compression } = reply.head;
  if (compression !== undefined) return failed("bad-response", compressed(reply, compression));
  const type = mediaType(contentType);
  if ((type === "application/json" && !isEvents(reply.text)) || reply.text.startsWith("{")) return jsonDocument(reply);
  const instead = type === "text/event-stream" || type === "" ? "a page" : withoutSecrets(type, reply.secrets);
  return failed("bad-response", withComplaint(`${instead} instead of text/event-stream`, said(reply)));
}

/** As nearly all servers say it: nothing to take apart. */
const usualTypes = new Set(["text/event-stream", "text/event-stream; charset=utf-8"]);

/** A server that does not say is believed: what it sends is then read as events. */
export function isEventStream(contentType: string | undefined): boolean {
  return contentType === undefined || usualTypes.has(contentType) || mediaType(contentType) === "text/event-stream";
}

/** It begins as a stream of events does, by whatever type it goes. */
function isEvents(text: string): boolean {
  return /^\s*(?:data|event|id|retry)?:/.test(text);
}

function jsonDocument(reply: OtherReply): Outcome {
  const error = isError(reply.text) ? said(reply) : undefined;
  if (error !== undefined) return failed("error-event", error);
  if (reply.text.includes('"choices"')) {
    return failed("bad-response", "one JSON document instead of a stream: the server ignores stream: true");
  }
  return failed("bad-response", withComplaint("one JSON document instead of a stream", said(reply)));
}

function compressed({ secrets }: OtherReply, compression: string): string {
  return `a body compressed with ${withoutSecrets(compression, secrets)}, which was not asked for`;
}

function said({ text, secrets }: OtherReply): string | undefined {
  return complaintIn(text, secrets);
}

function mediaType(contentType: string | undefined): string {
  return (contentType ?? "").split(/[;,]/)[0]?.trim().toLowerCase() ?? "";
}

function withComplaint(what: string, complaint: string | undefined): string {
  return complaint === undefined ? what : `${what}: ${complaint}`;
}

/** A JSON document that has an `error`, or says that it is one. */
function isError(text: string): boolean {
  try {
    const document: unknown = JSON.parse(text);
    if (typeof document !== "object" || document === null) return false;
    return ("error" in document && Boolean(document.error)) || ("object" in document && document.object === "error");
  } catch {
    return false;
  }
}
