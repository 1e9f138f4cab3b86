import { describe, expect, test } from "vitest";
import { atOnce } from "../arrivals/atOnce.ts";
import { every } from "../arrivals/every.ts";
import { poisson } from "../arrivals/poisson.ts";
import { partsOf, type Passage, type Request } from "../model/request.ts";
import { encode } from "../model/vocabulary.ts";
import type { Workload, WorkloadGenerator } from "../model/workload.ts";
import { cacheBlock } from "./refuseFalseLengths.ts";

export interface WorkloadExpectation {
  /** Its prompts were recorded, and are the very same in every block: false unless said. */
  readonly isRecorded?: boolean;
}

/** What any workload must be: the shared suite for people who write them. */
export function describeWorkload(make: () => WorkloadGenerator, { isRecorded = false }: WorkloadExpectation = {}): void {
  const generate = (seed: number, generator = make(), block = 0) => generator.generate(every({ seconds: 2 }), seed, block);

  describe(`workload ${make().kind}`, () => {
    test("requests are numbered from 0 in their order", () => {
      const { requests } = generate(1);
      expect(requests.length).toBeGreaterThan(0);
      expect(requests.map(({ id }) => id)).toEqual(requests.map((_, index) => index));
    });

    test("a request is due when the arrivals say, or after an earlier request", () => {
      const offsets = independent(generate(1).requests).map((request) => offsetOf(request));
      expect(offsets).toEqual(offsets.map((_, index) => index * 2));
      const atStart = make().generate(atOnce(), 1).requests;
      expect(independent(atStart).filter((request) => offsetOf(request) !== 0)).toEqual([]);
      expect(atStart.filter(({ id, arrival }) => arrival.kind === "after" && arrival.request >= id)).toEqual([]);
    });

    test("prompts have exactly the tokens they say", () => {
      for (const request of withoutReplies(generate(2).requests)) {
        expect(promptOf(request)).toHaveLength(request.contextTokens + request.questionTokens);
      }
    });

    test("text and token ids are the same prompt, also across the joints of its passages", () => {
      for (const request of withoutReplies(generate(2).requests)) {
        expect(same(encode(textOf(request)), promptOf(request))).toBe(true);
      }
    });

    test("what a request can reuse is the longest prefix it has in common with an earlier prompt", () => {
      const requests = withoutReplies(generate(3).requests);
      const prompts = requests.map(promptOf);
      for (const [index, request] of requests.entries()) {
        const longest = Math.max(0, ...prompts.slice(0, index).map((earlier) => commonPrefix(earlier, prompts[index] ?? [])));
        expect(longest).toBeGreaterThanOrEqual(request.reusableTokens);
        expect(longest - request.reusableTokens).toBeLessThan(cacheBlock);
      }
    });

    test("nothing can be reused that was not in the context", () => {
      expect(generate(3).requests.filter(({ reusableTokens, contextTokens }) => reusableTokens > contextTokens)).toEqual([]);
    });

    test("the same seed gives the same workload, also from another instance", () => {
      expect(JSON.stringify(generate(4))).toBe(JSON.stringify(generate(4)));
    });

    test("a later block has the schedule, the lengths and the reuse of the first, whatever the arrivals", () => {
      const shapes = [0, 1].map((block) =>
        make()
          .generate(poisson({ perSecond: 1 }), 5, block)
          .requests.map(({ messages: _prompts, ...shape }) => shape),
      );
      expect(shapes[1]).toEqual(shapes[0]);
    });

    test("a later block is the same each time it is made", () => {
      expect(JSON.stringify(generate(5, make(), 1))).toBe(JSON.stringify(generate(5, make(), 1)));
    });

    (isRecorded ? ofRecorded : ofGenerated)((seed, block) => generate(seed, make(), block));

    test("resized to as many requests as it has, it is the very same", () => {
      const generator = make();
      const { requests } = generate(7, generator);
      expect(JSON.stringify(generate(7, generator.resized(requests.length)))).toBe(JSON.stringify(generate(7, generator)));
    });

    test("resized, it is the same workload with another number of requests, and the original stays as it was", () => {
      const generator = make();
      const before = JSON.stringify(generate(7, generator));
      const smaller = generate(7, generator.resized(2));
      expect(smaller.requests).toHaveLength(2);
      expect(smaller.kind).toBe(generator.kind);
      expect(JSON.stringify(generate(7, generator))).toBe(before);
    });

    test("kind, seed and options are written into it as plain data", () => {
      const generator = make();
      const { kind, seed, options } = generate(8, generator);
      expect({ kind, seed, options }).toEqual({ kind: generator.kind, seed: 8, options: generator.options });
      expect(JSON.parse(JSON.stringify(options))).toEqual(options);
      expect(generator.title).not.toBe("");
    });

    test("every request may answer with at least one token", () => {
      expect(generate(9).requests.filter(({ maxOutputTokens }) => !(maxOutputTokens >= 1))).toEqual([]);
    });
  });
}

function ofRecorded(generate: (seed: number, block: number) => Workload): void {
  test("a later block is the very same as the first", () => {
    expect(JSON.stringify(generate(5, 1))).toBe(JSON.stringify(generate(5, 0)));
  });
}

function ofGenerated(generate: (seed: number, block: number) => Workload): void {
  test("a later block shares no prefix with the first", () => {
    expect(longestInCommon(generate(5, 0).requests, generate(5, 1).requests)).toBeLessThan(cacheBlock);
  });

  test("another seed shares no prefix with it", () => {
    expect(longestInCommon(generate(5, 0).requests, generate(6, 0).requests)).toBeLessThan(cacheBlock);
  });
}

function independent(requests: readonly Request[]): readonly Request[] {
  return requests.filter(({ arrival }) => arrival.kind === "at");
}

function offsetOf({ arrival }: Request): number | undefined {
  return arrival.kind === "at" ? arrival.offset : undefined;
}

/** Prompts that contain a reply are not known before the run. */
function withoutReplies(requests: readonly Request[]): readonly Request[] {
  return requests.filter((request) => partsOf(request).every(({ kind }) => kind === "passage"));
}

function passagesOf(request: Request): readonly Passage[] {
  return partsOf(request).filter((part) => part.kind === "passage");
}

function promptOf(request: Request): readonly number[] {
  return passagesOf(request).flatMap(({ tokenIds }) => tokenIds);
}

function textOf(request: Request): string {
  return passagesOf(request)
    .map(({ text }) => text)
    .join("");
}

function commonPrefix(one: readonly number[], other: readonly number[]): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

function longestInCommon(some: readonly Request[], others: readonly Request[]): number {
  const [prompts, otherPrompts] = [some, others].map((requests) => withoutReplies(requests).map(promptOf));
  return Math.max(0, ...(prompts ?? []).flatMap((prompt) => (otherPrompts ?? []).map((other) => commonPrefix(prompt, other))));
}

function same(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && commonPrefix(one, other) === one.length;
}
