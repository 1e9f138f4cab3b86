import type { Arrival, Message, Passage, ReplyOf, Request } from "../model/request.ts";
import type { Phase, Turn, Turns } from "./phase.ts";

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
  /** None where no engine takes them. */
  readonly tokenIds: readonly (readonly number[])[];
  readonly replies: readonly ReplyOf[];
}

/** id, offset, after, pause, contextTokens, questionTokens, reusableTokens, maxOutputTokens. */
const fieldsOfRequest = 8;
const roles: readonly Message["role"][] = ["system", "user", "assistant"];

export interface PackOptions {
  /** An engine takes them: else none cross, and every list of them is empty there. */
  readonly takesTokenIds?: boolean;
}

export function pack(phases: readonly Phase[], { takesTokenIds = true }: PackOptions = {}): PackedPhases {
  const lengths = phases.map(({ length }) => length);
  const count = lengths.reduce((sum, length) => sum + length, 0);
  const engines = new Places<string>();
  const requests = new PlacesOfRequests();
  const [engine, block, due, request] = [new Uint32Array(count), new Uint32Array(count), new Float64Array(count), new Uint32Array(count)];
  let next = 0;
  for (const phase of phases) {
    for (const turn of phase) {
      engine[next] = engines.of(turn.engine);
      block[next] = turn.block;
      due[next] = turn.due ?? NaN;
      request[next++] = requests.of(turn.request);
    }
  }
  return { lengths, engines: engines.all, engine, block, due, request, requests: packRequests(requests.all, takesTokenIds) };
}

function packRequests(requests: readonly Request[], takesTokenIds: boolean): PackedRequests {
  const passages = new Places<Passage>();
  const replies = new Places<ReplyOf>();
  const numbers = new Float64Array(requests.length * fieldsOfRequest);
  const firstMessage = [0];
  const role: number[] = [];
  const firstPart = [0];
  const part: number[] = [];
  let next = 0;
  for (const request of requests) {
    writeNumbers(request, numbers, next);
    next += fieldsOfRequest;
    for (const message of request.messages) {
      for (const one of message.parts) part.push(one.kind === "passage" ? passages.of(one) : -1 - replies.of(one));
      firstPart.push(part.length);
      role.push(roles.indexOf(message.role));
    }
    firstMessage.push(role.length);
  }
  return {
    numbers,
    firstMessage: new Uint32Array(firstMessage),
    role: new Uint8Array(role),
    firstPart: new Uint32Array(firstPart),
    part: new Int32Array(part),
    texts: passages.all.map(({ text }) => text),
    tokenIds: takesTokenIds ? passages.all.map(({ tokenIds }) => tokenIds) : [],
    replies: replies.all,
  };
}

function writeNumbers(request: Request, numbers: Float64Array, at: number): void {
  const { id, arrival, contextTokens, questionTokens, reusableTokens, maxOutputTokens } = request;
  numbers[at] = id;
  numbers[at + 1] = arrival.kind === "at" ? arrival.offset : NaN;
  numbers[at + 2] = arrival.kind === "after" ? arrival.request : NaN;
  numbers[at + 3] = arrival.kind === "after" ? arrival.pause : NaN;
  numbers[at + 4] = contextTokens;
  numbers[at + 5] = questionTokens;
  numbers[at + 6] = reusableTokens;
  numbers[at + 7] = maxOutputTokens;
}

/** As `Places`. An id is a place in its workload: only where another request had it before, as one of another block, is a map asked. */
class PlacesOfRequests {
  readonly all: Request[] = [];
  private readonly firsts: number[] = [];
  private readonly others = new Map<Request, number>();

  of(request: Request): number {
    const { id } = request;
    const first = this.firsts[id];
    if (first !== undefined && this.all[first] === request) return first;
    const known = first === undefined ? undefined : this.others.get(request);
    if (known !== undefined) return known;
    const place = this.all.push(request) - 1;
    if (first === undefined) this.firsts[id] = place;
    else this.others.set(request, place);
    return place;
  }
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

/** The same phases. Each turn, and its request, is made whenever it is asked for: what is not kept costs nobody anything. */
export function unpack(packed: PackedPhases): readonly Turns[] {
  let end = 0;
  return packed.lengths.map((length) => {
    const first = end;
    end += length;
    return { length, at: (place) => (place < length ? turnAt(packed, first + place) : undefined) };
  });
}

function turnAt({ engines, engine, block, due, request, requests }: PackedPhases, turn: number): Turn {
  return {
    engine: engines[engine[turn] as number] as string,
    block: block[turn] as number,
    due: unlessNaN(due[turn] as number),
    request: new PackedRequest(requests, request[turn] as number),
  };
}

/** Its messages are made when they are asked for: whoever links requests, or counts their tokens, needs none of their texts. */
class PackedRequest implements Request {
  private readonly requests: PackedRequests;
  private readonly place: number;

  constructor(requests: PackedRequests, place: number) {
    this.requests = requests;
    this.place = place;
  }

  get id(): number {
    return this.number(0);
  }

  get arrival(): Arrival {
    return arrivalOf(this.number(1), this.number(2), this.number(3));
  }

  get contextTokens(): number {
    return this.number(4);
  }

  get questionTokens(): number {
    return this.number(5);
  }

  get reusableTokens(): number {
    return this.number(6);
  }

  get maxOutputTokens(): number {
    return this.number(7);
  }

  get messages(): readonly Message[] {
    return messagesOf(this.requests, this.place);
  }

  private number(field: number): number {
    return this.requests.numbers[this.place * fieldsOfRequest + field] as number;
  }
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
  return { kind: "passage", text: texts[place] as string, tokenIds: tokenIds[place] ?? noIds };
}

/** Most have one: an array that grows to that takes room for seventeen. */
function listOf<Kind>(from: number, to: number, requests: PackedRequests, make: (requests: PackedRequests, place: number) => Kind): Kind[] {
  if (to - from === 1) return [make(requests, from)];
  const list: Kind[] = [];
  for (let place = from; place < to; place++) list.push(make(requests, place));
  return list;
}

const noIds: readonly number[] = [];

function unlessNaN(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}
