import { checkOptions, wholeNumber } from "../model/checkOptions.ts";
import { draws } from "../model/draw.ts";
import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import { most } from "../model/most.ts";
import type { Arrival, Request } from "../model/request.ts";
import type { Arrivals, Workload, WorkloadGenerator } from "../model/workload.ts";
import { numberedPassages } from "./numberedPassages.ts";
import { refuseTooManyTokens } from "./refuseTooMuch.ts";

export interface VaryLengthOptions {
  /** Of the first request; the later ones have twice as many, then three times, … */
  readonly contextTokens: number;
  readonly requests: number;
  /** 16 unless said. */
  readonly questionTokens?: number;
  /** 200 unless said. */
  readonly outputTokens?: number;
}

const tokens = wholeNumber({ from: 1, to: most.tokens });

/** Each request has all sections of the one before: twice as many are four times the work. */
const mostRequests = 10_000;

const rules = { contextTokens: tokens, requests: wholeNumber({ from: 1, to: mostRequests }), questionTokens: tokens, outputTokens: tokens };

/** One growing document, of a, 2a, 2a, 3a, 3a, … tokens: a new length finds the shorter one cached, the next request finds all of it. */
export function varyLength(options: VaryLengthOptions): WorkloadGenerator {
  checkOptions("varyLength()", options, Object.keys(rules), rules, ["contextTokens", "requests"]);
  const { contextTokens, requests, questionTokens = 16, outputTokens = 200 } = options;
  const longest = lengthsOf(requests - 1) * contextTokens;
  if (longest > most.tokens) throw tooLong(longest);
  refuseTooManyTokens("varyLength()", longest + requests * questionTokens);
  const settled = { ...options, questionTokens, outputTokens };
  return {
    kind: "varyLength",
    options: settled,
    title: titleOf(options),
    generate: (arrivals, seed, block = 0) => generate(settled, arrivals, seed, block),
    resized: (requests) => varyLength({ ...options, requests }),
  };
}

function tooLong(tokens: number): HarnessError {
  return new HarnessError(
    "usage",
    `varyLength(): its last request would have ${grouped(tokens)} context tokens, at most ${grouped(most.tokens)} are wanted`,
    {
      hint: "its requests have contextTokens, then twice, three times as many: ask for fewer requests, or fewer tokens",
    },
  );
}

function titleOf({ contextTokens, requests }: VaryLengthOptions): string {
  const longest = lengthsOf(requests - 1) * contextTokens;
  return `${grouped(contextTokens)} to ${grouped(longest)} context tokens, ${grouped(requests)} request${requests === 1 ? "" : "s"}`;
}

/** How many times the first length request `id` has: 1, 2, 2, 3, 3, … */
function lengthsOf(id: number): number {
  return 1 + Math.ceil(id / 2);
}

function generate(options: Required<VaryLengthOptions>, arrivals: Arrivals, seed: number, block: number): Workload {
  const { contextTokens, questionTokens, outputTokens, requests } = options;
  const schedule = arrivals.schedule(requests, draws(seed, "arrivals"));
  // Sections and questions are numbered together: what follows a shorter document is never what a question begins with.
  const passage = numberedPassages(seed, `varyLength ${contextTokens}`, block);
  const sections = Array.from({ length: lengthsOf(requests - 1) }, (_, number) => passage(requests + number, contextTokens));
  const requestOf = (arrival: Arrival, id: number): Request => ({
    id,
    arrival,
    messages: [{ role: "user", parts: [...sections.slice(0, lengthsOf(id)), passage(id, questionTokens)] }],
    contextTokens: lengthsOf(id) * contextTokens,
    questionTokens,
    reusableTokens: id === 0 ? 0 : lengthsOf(id - 1) * contextTokens,
    maxOutputTokens: outputTokens,
  });
  return { kind: "varyLength", options, seed, requests: schedule.map(requestOf) };
}
