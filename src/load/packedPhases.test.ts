import * as fc from "fast-check";
import { expect, test } from "vitest";

import type { Message, Passage, ReplyOf, Request } from "../model/request.ts";
import { together } from "./order.ts";
import type { Phase, Turn } from "./phase.ts";
import { pack, unpack } from "./packedPhases.ts";
import { plainRequest } from "./testServer.ts";

/** What the other thread has of them. */
function crossed(phases: readonly Phase[]): readonly Phase[] {
  const packed = structuredClone(pack(phases));
  return unpack(packed).map((turns) => Array.from({ length: turns.length }, (_, place) => whole(turns.at(place) as Turn)));
}

/** With everything that is made when it is asked for. */
function whole({ engine, block, due, request }: Turn): Turn {
  const { id, arrival, messages, contextTokens, questionTokens, reusableTokens, maxOutputTokens } = request;
  return { engine, block, due, request: { id, arrival, messages, contextTokens, questionTokens, reusableTokens, maxOutputTokens } };
}

const passage: fc.Arbitrary<Passage> = fc.record({
  kind: fc.constant("passage" as const),
  text: fc.string({ unit: "grapheme" }),
  tokenIds: fc.array(fc.nat()),
});
const reply: fc.Arbitrary<ReplyOf> = fc.oneof(
  fc.record({ kind: fc.constant("reply" as const), request: fc.nat(), source: fc.constant("own" as const) }),
  fc.record({ kind: fc.constant("reply" as const), request: fc.nat(), source: fc.constant("scripted" as const), scripted: passage }),
);
const message: fc.Arbitrary<Message> = fc.record({
  role: fc.constantFrom("system", "user", "assistant"),
  parts: fc.array(fc.oneof(passage, reply), { maxLength: 3 }),
});
const seconds = fc.double({ min: 0, max: 1e6, noNaN: true });
const arrival: fc.Arbitrary<Request["arrival"]> = fc.oneof(
  fc.record({ kind: fc.constant("at" as const), offset: seconds }),
  fc.record({ kind: fc.constant("after" as const), request: fc.nat(), pause: seconds }),
);
const request: fc.Arbitrary<Request> = fc.record({
  id: fc.oneof(fc.nat({ max: 2 }), fc.nat()), // other blocks have requests of the same ids
  arrival,
  messages: fc.array(message, { maxLength: 3 }),
  contextTokens: fc.nat(),
  questionTokens: fc.nat(),
  reusableTokens: fc.nat(),
  maxOutputTokens: fc.nat(),
});
const turn = fc.record({
  engine: fc.string(),
  block: fc.nat({ max: 2 ** 31 }),
  due: fc.option(seconds, { nil: undefined }),
  request,
});

test("phases are the same on the other side", () => {
  fc.assert(
    fc.property(fc.array(fc.array(turn, { maxLength: 4 }), { maxLength: 3 }), (phases) => {
      expect(crossed(phases)).toEqual(phases);
    }),
  );
});

test("a request for several engines and blocks, and a passage of several requests, cross once", () => {
  const document: Passage = { kind: "passage", text: "a long document", tokenIds: [1, 2, 3] };
  const about = (id: number, question: string): Request => ({
    ...plainRequest({ id }),
    messages: [{ role: "user", parts: [document, { kind: "passage", text: question, tokenIds: [id] }] }],
  });
  const requests = [about(0, "why?"), about(1, "how?")];
  const phases = together(["a", "b"], { kind: "test", options: {}, seed: 1, requests }, 3);
  const packed = pack(phases);
  expect(packed.requests.texts).toEqual(["a long document", "why?", "how?"]);
  expect(packed.requests.numbers).toHaveLength(2 * 8);
  expect(crossed(phases)).toEqual(phases);
});

test("where no engine takes token ids none cross", () => {
  const phases = together(["a"], { kind: "test", options: {}, seed: 1, requests: [plainRequest({})] }, 1);
  const [turns] = unpack(pack(phases, { takesTokenIds: false }));
  expect(turns?.at(0)?.request.messages).toEqual([
    { role: "user", parts: [{ kind: "passage", text: expect.stringMatching(/./), tokenIds: [] }] },
  ]);
});
