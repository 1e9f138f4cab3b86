import type { Arrival, Message, Passage, ReplyOf, Request } from "../model/request.ts";
import type { Seconds } from "../model/time.ts";
import type { Phase, Turn } from "./order.ts";

/**
 * Phases as they cross to another thread: in columns, since cloning them as objects took 13 µs a request, and keeping them as objects there
 * left the collector of garbage as many to go through. Requests and passages are in it once, however many turns have them.
 */
export interface PackedPhases {
  /** Turns in each phase. */
  readonly lengths: readonly number[];
  readonly engines: readonly string[];
  /** Of each turn its engine's place in `engines`. */
  readonly engine: Uint32Array;
  readonly block: Uint32Array;
  /** Not a number where it has none. */
  readonly due: Float64Array;
  /** Of each turn its request's place. */
  readonly request: Uint32Array;
  readonly requests: PackedRequests;
}

interface PackedRequests {
  /** `fieldsOfRequest` of each, one after the other: a line of the processor's cache. */
  readonly numbers: Float64Array;
  /** Of each request its first message; one more at the end. */
  readonly firstMessage: Uint32Array;
  /** Of each message its role's place in `roles`. */
  readonly role: Uint8Array;
  /** Of each message its first part; one more at the end. */
  readonly firstPart: Uint32Array;
  /** Of each part its passage's place, or a reply's as -1, -2, … */
  readonly part: Int32Array;
  readonly texts: readonly string[];
  readonly tokenIds: readonly (readonly number[])[];
  readonly replies: readonly ReplyOf[];
}

/** id, offset, after, pause, contextTokens, questionTokens, reusableTokens, maxOutputTokens. */
const fieldsOfRequest = 8;
const roles: readonly Message["role"][] = ["system", "user", "assistant"];

export function pack(phases: readonly Phase[]): PackedPhases {
  const lengths = phases.map(({ length }) => length);
  const count = lengths.reduce((sum, length) => sum + length, 0);
  const engines = new Places<string>();
  const requests = new Places<Request>();
  const [engine, block, due, request] = [new Uint32Array(count), new Uint32Array(count), new Float64Array(count), new Uint32Array(count)];
  let next = 0;
  for (const turn of phases.flat()) {
    engine[next] = engines.of(turn.engine);
    block[next] = turn.block;
    due[next] = turn.due ?? NaN;
    request[next++] = requests.of(turn.request);
  }
  return { lengths, engines: engines.all, engine, block, due, request, requests: packRequests(requests.all) };
}

function packRequests(requests: readonly Request[]): PackedRequests {
  const messages = requests.flatMap((request) => request.messages);
  const parts = messages.flatMap((message) => message.parts);
  const passages = new Places<Passage>();
  const replies = new Places<ReplyOf>();
  const part = new Int32Array(parts.length);
  for (const [index, one] of parts.entries()) part[index] = one.kind === "passage" ? passages.of(one) : -1 - replies.of(one);
  return {
    numbers: numbersOf(requests),
    firstMessage: startsOf(requests, (request) => request.messages.length),
    role: Uint8Array.from(messages, ({ role }) => roles.indexOf(role)),
    firstPart: startsOf(messages, (message) => message.parts.length),
    part,
    texts: passages.all.map(({ text }) => text),
    tokenIds: passages.all.map(({ tokenIds }) => tokenIds),
    replies: replies.all,
  };
}

function numbersOf(requests: readonly Request[]): Float64Array {
  const numbers = new Float64Array(requests.length * fieldsOfRequest);
  let next = 0;
  for (const { id, arrival, contextTokens, questionTokens, reusableTokens, maxOutputTokens } of requests) {
    numbers[next++] = id;
    numbers[next++] = arrival.kind === "at" ? arrival.offset : NaN;
    numbers[next++] = arrival.kind === "after" ? arrival.request : NaN;
    numbers[next++] = arrival.kind === "after" ? arrival.pause : NaN;
    numbers[next++] = contextTokens;
    numbers[next++] = questionTokens;
    numbers[next++] = reusableTokens;
    numbers[next++] = maxOutputTokens;
  }
  return numbers;
}

/** Where each one's own begin, all in a row; and where the last one's end. */
function startsOf<Kind>(all: readonly Kind[], countOf: (one: Kind) => number): Uint32Array {
  const starts = new Uint32Array(all.length + 1);
  let end = 0;
  for (const [index, one] of all.entries()) starts[index + 1] = end += countOf(one);
  return starts;
}

/** Each once, in the order in which they came. */
class Places<Kind> {
  readonly all: Kind[] = [];
  private readonly places = new Map<Kind, number>();

  of(one: Kind): number {
    const known = this.places.get(one);
    if (known !== undefined) return known;
    this.places.set(one, this.all.length);
    return this.all.push(one) - 1;
  }
}

/** The same phases. Each turn makes its request whenever it is asked for it: what is not kept costs nobody anything. */
export function unpack({ lengths, engines, engine, block, due, request, requests }: PackedPhases): readonly Phase[] {
  let next = 0;
  return lengths.map((length) =>
    Array.from({ length }, () => {
      const turn = next++;
      const of = { engine: engines[engine[turn] as number] as string, block: block[turn] as number, due: unlessNaN(due[turn] as number) };
      return new PackedTurn(of.engine, of.block, of.due, requests, request[turn] as number);
    }),
  );
}

class PackedTurn implements Turn {
  readonly engine: string;
  readonly block: number;
  readonly due: Seconds | undefined;
  private readonly requests: PackedRequests;
  private readonly place: number;

  constructor(engine: string, block: number, due: Seconds | undefined, requests: PackedRequests, place: number) {
    this.engine = engine;
    this.block = block;
    this.due = due;
    this.requests = requests;
    this.place = place;
  }

  get request(): Request {
    return unpackRequest(this.requests, this.place);
  }
}

function unpackRequest(requests: PackedRequests, place: number): Request {
  const { numbers } = requests;
  const first = place * fieldsOfRequest;
  return {
    id: numbers[first] as number,
    arrival: arrivalOf(numbers[first + 1] as number, numbers[first + 2] as number, numbers[first + 3] as number),
    messages: messagesOf(requests, place),
    contextTokens: numbers[first + 4] as number,
    questionTokens: numbers[first + 5] as number,
    reusableTokens: numbers[first + 6] as number,
    maxOutputTokens: numbers[first + 7] as number,
  };
}

function arrivalOf(offset: number, request: number, pause: number): Arrival {
  return Number.isNaN(offset) ? { kind: "after", request, pause } : { kind: "at", offset };
}

function messagesOf(requests: PackedRequests, place: number): readonly Message[] {
  const { firstMessage } = requests;
  return listOf(firstMessage[place] as number, firstMessage[place + 1] as number, requests, messageAt);
}

function messageAt(requests: PackedRequests, place: number): Message {
  const { role, firstPart } = requests;
  const parts = listOf(firstPart[place] as number, firstPart[place + 1] as number, requests, partAt);
  return { role: roles[role[place] as number] as Message["role"], parts };
}

function partAt({ part, texts, tokenIds, replies }: PackedRequests, index: number): Passage | ReplyOf {
  const place = part[index] as number;
  if (place < 0) return replies[-1 - place] as ReplyOf;
  return { kind: "passage", text: texts[place] as string, tokenIds: tokenIds[place] as readonly number[] };
}

/** Most have one: an array that grows to that takes room for seventeen. */
function listOf<Kind>(from: number, to: number, requests: PackedRequests, make: (requests: PackedRequests, place: number) => Kind): Kind[] {
  if (to - from === 1) return [make(requests, from)];
  const list: Kind[] = [];
  for (let place = from; place < to; place++) list.push(make(requests, place));
  return list;
}

function unlessNaN(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}
