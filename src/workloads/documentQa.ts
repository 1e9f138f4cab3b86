import { checkOptions, wholeNumber, type OptionRule } from "../model/checkOptions.ts";
import { drawBelow, draws } from "../model/draw.ts";
import { grouped } from "../model/grouped.ts";
import { most } from "../model/most.ts";
import type { Arrival, Passage, Request } from "../model/request.ts";
import type { Arrivals, Workload, WorkloadGenerator } from "../model/workload.ts";
import { numberedPassages } from "./numberedPassages.ts";
import { refuseTooManyTokens } from "./refuseTooMuch.ts";

export interface DocumentQaOptions {
  /** Tokens of each document. */
  readonly contextTokens: number;
  readonly questionTokens: number;
  readonly documents: number;
  readonly requests: number;
  /** 200 unless said. */
  readonly outputTokens?: number;
  /** Which document the next question is about: one after the other, again and again, or any. `inTurn` unless said. */
  readonly pick?: "inTurn" | "random";
}

const pick: OptionRule = (value) => (value === "inTurn" || value === "random" ? undefined : 'must be "inTurn" or "random"');

const tokens = wholeNumber({ from: 1, to: most.tokens });
const count = wholeNumber({ from: 1, to: most.requests });

const rules = { contextTokens: tokens, questionTokens: tokens, documents: count, requests: count, outputTokens: tokens, pick };

const required = ["contextTokens", "questionTokens", "documents", "requests"];

/** Questions about long documents: a document is cold when it is asked about first, and can be reused from then on. */
export function documentQa(options: DocumentQaOptions): WorkloadGenerator {
  checkOptions("documentQa()", options, Object.keys(rules), rules, required);
  refuseTooManyTokens("documentQa()", tokensIn(options));
  const { outputTokens = 200, pick = "inTurn" } = options;
  const settled = { ...options, outputTokens, pick };
  return {
    kind: "documentQa",
    options: settled,
    title: titleOf(options),
    ...doubtIn(settled),
    generate: (arrivals, seed, block = 0) => generate(settled, arrivals, seed, block),
    resized: (requests) => documentQa({ ...options, requests }),
  };
}

function tokensIn({ contextTokens, questionTokens, documents, requests }: DocumentQaOptions): number {
  return Math.min(documents, requests) * contextTokens + requests * questionTokens;
}

function titleOf({ contextTokens, documents, requests }: DocumentQaOptions): string {
  const about = documents === 1 ? "" : ` about ${counted(documents, "document")}`;
  return `${grouped(contextTokens)} context tokens, ${counted(requests, "question")}${about}`;
}

/** With any of them, by chance, it may well be meant. */
function doubtIn({ documents, requests, pick }: Required<DocumentQaOptions>): Pick<WorkloadGenerator, "doubt"> {
  const never = documents - requests;
  if (pick === "random" || never <= 0) return {};
  return {
    doubt: `${grouped(never)} of its ${counted(documents, "document")} ${never === 1 ? "is" : "are"} never asked about, and none of the others twice: say more requests, or fewer documents`,
  };
}

function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function generate(options: Required<DocumentQaOptions>, arrivals: Arrivals, seed: number, block: number): Workload {
  const { contextTokens, questionTokens, outputTokens, requests } = options;
  const schedule = arrivals.schedule(requests, draws(seed, "arrivals"));
  const document = numberedPassages(seed, `documentQa documents ${contextTokens}`, block);
  const question = numberedPassages(seed, `documentQa questions ${contextTokens}`, block);
  const picked = picks(options, seed);
  const askedAbout = new Map<number, Passage>();
  const requestOf = (arrival: Arrival, id: number): Request => {
    const number = picked(id);
    const known = askedAbout.get(number);
    const context = known ?? document(number, contextTokens);
    askedAbout.set(number, context);
    return {
      id,
      arrival,
      messages: [{ role: "user", parts: [context, question(id, questionTokens)] }],
      contextTokens,
      questionTokens,
      reusableTokens: known === undefined ? 0 : contextTokens,
      maxOutputTokens: outputTokens,
    };
  };
  return { kind: "documentQa", options, seed, requests: schedule.map(requestOf) };
}

/** The number of each request's document; called in the requests' order. */
function picks({ documents, pick }: Required<DocumentQaOptions>, seed: number): (request: number) => number {
  const draw = draws(seed, "documentQa pick");
  return pick === "random" ? () => drawBelow(documents, draw) : (request) => request % documents;
}
