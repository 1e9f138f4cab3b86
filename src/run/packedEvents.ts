import type { FailureCode } from "../model/outcome.ts";
import type { RunEvent } from "../model/runEvent.ts";

/** Events of requests, four numbers each: as objects their way from thread to thread would cost more than their requests. */
export interface PackedEvents {
  readonly experiment: number;
  /** Engines and failure codes that the numbers mean by their places. */
  readonly engines: readonly string[];
  readonly codes: readonly FailureCode[];
  /** Of each event: its kind's place in `kinds`, its engine's, the request, and a value that is the kind's own. */
  readonly numbers: Float64Array<ArrayBuffer>;
}

type RequestEvent = Extract<RunEvent, { readonly kind: "sent" | "firstToken" | "requestEnded" }>;

const kinds = ["sent", "firstToken", "completed", "failed", "cancelled", "dropped"] as const;
const numbersEach = 4;

export function packEvents(events: readonly RunEvent[]): PackedEvents {
  const [engines, codes] = [new Places<string>(), new Places<FailureCode>()];
  const numbers = new Float64Array(numbersEach * events.length);
  let at = 0;
  let experiment = 0;
  for (const event of events) {
    if (!isOfRequest(event)) continue;
    experiment = event.experiment;
    numbers[at] = kinds.indexOf(event.kind === "requestEnded" ? event.outcome : event.kind);
    numbers[at + 1] = engines.of(event.engine);
    numbers[at + 2] = event.request;
    numbers[at + 3] = valueOf(event, codes);
    at += numbersEach;
  }
  return { experiment, engines: engines.all, codes: codes.all, numbers };
}

export function unpackEvents({ experiment, engines, codes, numbers }: PackedEvents): readonly RunEvent[] {
  return Array.from({ length: numbers.length / numbersEach }, (_, index) => {
    const [kindAt = 0, engineAt = 0, request = 0, value = 0] = numbers.subarray(numbersEach * index, numbersEach * (index + 1));
    const kind = kinds[kindAt] ?? "sent";
    const of = { experiment, engine: engines[engineAt] ?? "", request };
    if (kind === "sent") return { kind, ...of };
    if (kind === "firstToken") return { kind, ...of, ttft: value };
    const code = kind === "failed" ? codes[value] : undefined;
    return { kind: "requestEnded", ...of, outcome: kind, ...(code === undefined ? {} : { code }) };
  });
}

function isOfRequest(event: RunEvent): event is RequestEvent {
  return event.kind === "sent" || event.kind === "firstToken" || event.kind === "requestEnded";
}

function valueOf(event: RequestEvent, codes: Places<FailureCode>): number {
  if (event.kind === "firstToken") return event.ttft;
  return event.kind === "requestEnded" && event.code !== undefined ? codes.of(event.code) : 0;
}

/** Values and the places they got, in the order in which they came. */
class Places<Value> {
  readonly all: Value[];

  constructor() {
    this.all = [];
  }

  of(value: Value): number {
    const place = this.all.indexOf(value);
    return place < 0 ? this.all.push(value) - 1 : place;
  }
}
