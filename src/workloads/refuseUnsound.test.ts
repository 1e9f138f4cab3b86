import { expect, test } from "vitest";
import { every } from "../arrivals/every.ts";
import { experiment } from "../model/experiment.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Request } from "../model/request.ts";
import { passage } from "../model/vocabulary.ts";
import type { WorkloadGenerator } from "../model/workload.ts";
import { blocksOf } from "./blocks.ts";
import { refuseUnsound } from "./refuseUnsound.ts";

/** Of a generator that nobody type-checked: whatever was written over in each of its requests. */
function handMade(changes: readonly (Readonly<Record<string, unknown>> | null)[], kind = "mine"): WorkloadGenerator {
  const sound = (id: number): Request => ({
    id,
    arrival: { kind: "at", offset: id },
    messages: [{ role: "user", parts: [passage(" why")] }],
    contextTokens: 0,
    questionTokens: 1,
    reusableTokens: 0,
    maxOutputTokens: 4,
  });
  const requests = changes.map((change, id) => (change === null ? change : { ...sound(id), ...change }) as Request); // or what else it may be
  return {
    kind,
    options: {},
    title: kind,
    generate: (_, seed) => ({ kind, options: {}, seed, requests }),
    resized: () => handMade(changes),
  };
}

function mistakeOf(...changes: readonly (Readonly<Record<string, unknown>> | null)[]): string {
  try {
    blocksOf(experiment({ workload: handMade(changes), arrivals: every({ seconds: 1 }) }));
  } catch (error) {
    if (error instanceof HarnessError) return error.message;
    throw error;
  }
  return "none";
}

const idsOf = (tokenIds: readonly unknown[]) => ({ kind: "passage", text: "why", tokenIds });
const scriptOf = (request: number) => ({ kind: "reply", request, source: "scripted", scripted: passage(" because") });

const says = (...parts: readonly unknown[]) => ({ messages: [{ role: "user", parts }] });

test("sound requests are none of our business: sessions, scripted replies, empty prompts", () => {
  const follows = { arrival: { kind: "after", request: 0, pause: 0 } };
  const scripted = { ...follows, ...says(passage(" why"), scriptOf(0)), questionTokens: 2 };
  expect(mistakeOf({}, scripted, { ...says(passage("")), questionTokens: 0 }, { ...says(), questionTokens: 0 })).toBe("none");
});

test.each([
  ["nothing in a request's place", [null], "request 0: it must be an object, not null"],
  ["no arrival", [{ arrival: undefined }], "arrival must be an object, not undefined"],
  ["no messages", [{}, { messages: undefined }], "request 1: messages must be a list, not undefined"],
  ["a message without parts", [{ messages: [{ role: "user" }] }], 'a message must have a list of parts, not {"role":"user"}'],
  ["no part in a part's place", [says(null)], "a part must be an object, not null"],
  ["ids that are not positions", [{ id: 5 }, { id: 3 }, {}], "request 0: id must be its position, not 5 (and 1 more like it)"],
  ["two with the same id", [{}, { id: 0 }], "request 1: id must be its position, not 0"],
  [
    "a role of another API",
    [{ messages: [{ role: "developer", parts: [] }] }],
    'role must be one of system, user, assistant, not "developer"',
  ],
  ["an arrival of no kind", [{ arrival: { kind: "soon" } }], 'arrival.kind must be one of at, after, not "soon"'],
  ["a time that is none", [{ arrival: { kind: "at", offset: NaN } }], "arrival.offset must be a number of at least 0, not NaN"],
  ["a time before the start", [{ arrival: { kind: "at", offset: -1 } }], "arrival.offset must be a number of at least 0, not -1"],
  [
    "a pause of less than nothing",
    [{}, { arrival: { kind: "after", request: 0, pause: -1 } }],
    "arrival.pause must be a number of at least 0",
  ],
  ["whoever waits for nobody", [{ arrival: { kind: "after", request: 7, pause: 0 } }], "arrival.request must be at most 0, not 7"],
  ["a scripted reply without a script", [says({ kind: "reply", request: 0, source: "scripted" })], "a scripted reply has no scripted"],
  ["a reply of nobody", [says({ kind: "reply", request: 3, source: "own" })], "a reply's request must be at most 0, not 3"],
  ["a part of no kind", [says({ text: "why", tokenIds: [] })], "a part's kind is missing"],
  ["a passage without token ids", [says({ kind: "passage", text: "why" })], "a passage's tokenIds is missing"],
  ["token ids that are none", [says(idsOf(["q", NaN, 1.5, 2]))], 'a passage\'s token id must be a whole number of at least 0, not "q"'],
  ["a token id below 0", [says(idsOf([3, -7]))], "a passage's token id must be a whole number of at least 0, not -7"],
  ["a hole in token ids", [says(idsOf([3, undefined]))], "a passage's token id is missing"],
  ["text without its token ids", [says(idsOf([]))], "a passage's tokenIds must be those of its text, not []"],
  ["a script without its token ids", [says({ ...scriptOf(0), scripted: idsOf([]) })], "a passage's tokenIds must be those of its text"],
  ["no prompt", [{ messages: [] }], "request 0: messages must be a list of at least one message, not []"],
  ["half a token to reuse", [{ reusableTokens: 0.5 }], "reusableTokens must be a whole number of at least 0, not 0.5"],
  ["a context of no number", [{ contextTokens: NaN }], "contextTokens must be a whole number of at least 0, not NaN"],
  [
    "more to reuse than there is",
    [{ contextTokens: 8, reusableTokens: 10 }],
    "reusableTokens must be at most its contextTokens and questionTokens together, 9, not 10",
  ],
  ["an answer of no tokens", [{ maxOutputTokens: 0 }], "maxOutputTokens must be a whole number of at least 1, not 0"],
])("%s are told before anything is sent", (_, changes, told) => {
  expect(mistakeOf(...changes)).toContain(told);
});

const after = (request: number) => ({ arrival: { kind: "after", request, pause: 0 } });
const repliesOf = (request: number) => says(passage(" why"), { kind: "reply", request, source: "own" });

test.each([
  ["whoever waits for itself", [{}, after(1)], "workload mine: request 1 waits for itself, and would never be sent"],
  ["a reply within its own prompt", [repliesOf(0)], "request 0 waits for itself"],
  ["two that wait for each other", [{}, after(2), after(1), after(2)], "requests 1, 2 wait for one another, and would never be sent"],
  ["a circle of ends and replies", [after(3), {}, repliesOf(0), { ...after(1), ...repliesOf(2) }], "requests 0, 3, 2 wait for one another"],
  ["a workload of nothing", [], "workload mine: it has no requests"],
])("%s is told before anything is sent", (_, changes, told) => {
  expect(mistakeOf(...changes)).toContain(told);
});

test("sessions may wait for later requests, as long as nobody waits for them", () => {
  expect(mistakeOf(after(2), {}, after(1), { ...after(2), ...repliesOf(0) })).toBe("none");
  const long = Array.from({ length: 100_000 }, (_, id) => (id === 0 ? {} : after(id - 1)));
  expect(mistakeOf(...long)).toBe("none");
});

test("all kinds of mistakes are told at once", () => {
  const told = mistakeOf({ id: 1, maxOutputTokens: 0 }, says({ kind: "reply", request: 0, source: "else" }));
  expect(told.split("; ")).toHaveLength(3);
});

test("requests that are no list are told as that", () => {
  const requests: unknown = { length: 3 };
  expect(() => refuseUnsound("mine", { kind: "mine", options: {}, seed: 0, requests: requests as Request[] })).toThrow(
    'workload mine: requests must be a list, not {"length":3}',
  );
});
