import * as fc from "fast-check";
import { expect, test } from "vitest";
import { blockTokens } from "./memory.ts";
import type { SchedulerOptions, Step } from "./scheduler.ts";
import { Scheduler } from "./scheduler.ts";
import { Sequence } from "./sequence.ts";

const roomy: SchedulerOptions = { blocks: 1000, batchTokens: 64, batchSequences: 8, prefixCaching: true, chunkedPrefill: true };

function repeated(token: number, length: number): number[] {
  return Array.from({ length }, () => token);
}

/** Runs one step and gives the tokens that are due; undefined when there was nothing to do. */
function stepOnce(scheduler: Scheduler): Step | undefined {
  const step = scheduler.schedule();
  if (step === undefined) return undefined;
  for (const sequence of scheduler.complete(step)) sequence.give(1);
  scheduler.retireFinished();
  return step;
}

function shape(step: Step | undefined): readonly (readonly [id: number, tokens: number])[] {
  return step?.turns.map(({ sequence, tokens }) => [sequence.id, tokens] as const) ?? [];
}

test("a long prompt goes through in pieces, and those who are answering go first", () => {
  const scheduler = new Scheduler(roomy);
  scheduler.add(new Sequence(0, repeated(1, 10), 4));
  expect(shape(stepOnce(scheduler))).toEqual([[0, 10]]);
  scheduler.add(new Sequence(1, repeated(2, 100), 1));
  expect(shape(stepOnce(scheduler))).toEqual([
    [0, 1],
    [1, 63],
  ]);
  expect(shape(stepOnce(scheduler))).toEqual([
    [0, 1],
    [1, 37],
  ]);
});

test("without chunked prefill a prompt waits until it fits into one step, and everybody behind it waits too", () => {
  const scheduler = new Scheduler({ ...roomy, chunkedPrefill: false });
  for (const [id, length] of [40, 40, 10].entries()) scheduler.add(new Sequence(id, repeated(id, length), 1));
  expect(shape(stepOnce(scheduler))).toEqual([[0, 40]]);
  expect(shape(stepOnce(scheduler))).toEqual([
    [1, 40],
    [2, 10],
  ]);
});

test("when blocks run short, whoever came last gives way, and starts again when there is room", () => {
  const scheduler = new Scheduler({ ...roomy, blocks: 4, prefixCaching: false });
  const [first, second] = [new Sequence(0, repeated(1, 32), 20), new Sequence(1, repeated(2, 32), 3)];
  scheduler.add(first);
  scheduler.add(second);
  expect(shape(stepOnce(scheduler))).toEqual([
    [0, 32],
    [1, 32],
  ]);
  // Both hold two full blocks; the first one's next token needs a third.
  expect(shape(stepOnce(scheduler))).toEqual([[0, 1]]);
  expect([first.preemptions, second.preemptions]).toEqual([0, 1]);
  while (!first.finished) stepOnce(scheduler);
  expect(shape(stepOnce(scheduler))).toEqual([[1, 33]]);
});

test("the last token of a prompt is computed even when all of it is cached", () => {
  const scheduler = new Scheduler(roomy);
  scheduler.add(new Sequence(0, repeated(1, 48), 1));
  stepOnce(scheduler);
  const again = new Sequence(1, repeated(1, 48), 1);
  scheduler.add(again);
  expect(shape(stepOnce(scheduler))).toEqual([[1, 16]]);
  expect(again.found).toEqual({ gpu: 32, cpu: 0 });
});

test("an aborted request gives its blocks back with the next step", () => {
  const scheduler = new Scheduler(roomy);
  const [stays, goes] = [new Sequence(0, repeated(1, 10), 9), new Sequence(1, repeated(2, 40), 9)];
  scheduler.add(stays);
  scheduler.add(goes);
  stepOnce(scheduler);
  goes.aborted = true;
  expect(shape(stepOnce(scheduler))).toEqual([[0, 1]]);
  expect(scheduler.pool.size - scheduler.pool.free).toBe(1);
});

/** Prompts made of few different pieces, so that they share prefixes. */
const prompts = fc.array(
  fc.record({
    pieces: fc.array(fc.nat(2), { minLength: 1, maxLength: 6 }),
    tail: fc.nat(20),
    maxOutput: fc.integer({ min: 1, max: 40 }),
    after: fc.nat(15),
  }),
  { minLength: 1, maxLength: 25 },
);

const settings = fc.record({
  blocks: fc.integer({ min: 12, max: 60 }),
  batchTokens: fc.integer({ min: 8, max: 200 }),
  batchSequences: fc.integer({ min: 1, max: 8 }),
  prefixCaching: fc.boolean(),
  chunkedPrefill: fc.constant(true),
});

test("whatever comes: no step exceeds its budget, no block is lost or used twice, and all get every token", () => {
  fc.assert(
    fc.property(prompts, settings, (given, options) => {
      const scheduler = new Scheduler(options);
      const sequences = given.map(
        ({ pieces, tail, maxOutput }, id) =>
          new Sequence(id, [...pieces.flatMap((piece) => repeated(piece, blockTokens)), ...repeated(id + 10, tail)], maxOutput),
      );
      const waiting = [...sequences.entries()].flatMap(([index, sequence]) => [{ sequence, after: given[index]!.after }]);
      for (let steps = 0; steps < 20_000; steps++) {
        for (const { sequence } of waiting.filter(({ after }) => after === steps)) scheduler.add(sequence);
        const step = stepOnce(scheduler);
        if (step === undefined && steps > 15) break;
        if (step !== undefined) expectWithinLimits(step, options);
        expectBlocksAddUp(scheduler, sequences);
      }
      expect(sequences.map(({ outputTokens }) => outputTokens)).toEqual(given.map(({ maxOutput }) => maxOutput));
      expect(scheduler.pool.free).toBe(options.blocks);
    }),
    { numRuns: 60 },
  );
});

function expectWithinLimits({ turns }: Step, options: SchedulerOptions): void {
  expect(turns.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(options.batchTokens);
  expect(turns.length).toBeLessThanOrEqual(options.batchSequences);
  expect(turns.every(({ tokens }) => tokens > 0)).toBe(true);
}

function expectBlocksAddUp({ pool }: Scheduler, sequences: readonly Sequence[]): void {
  const used = new Set(sequences.flatMap(({ blocks }) => blocks));
  expect(pool.size - pool.free).toBe(used.size);
  for (const { blocks } of sequences) expect(new Set(blocks).size).toBe(blocks.length);
}

test("without a shortage, requests get their first token in the order in which they came", () => {
  fc.assert(
    fc.property(prompts, (given) => {
      const scheduler = new Scheduler({ ...roomy, prefixCaching: false });
      const sequences = given.map(({ pieces, maxOutput }, id) => new Sequence(id, repeated(id, pieces.length * 10), maxOutput));
      for (const sequence of sequences) scheduler.add(sequence);
      const order: number[] = [];
      for (let step = stepOnce(scheduler); step !== undefined; step = stepOnce(scheduler)) {
        for (const { sequence } of step.turns) if (sequence.outputTokens === 1) order.push(sequence.id);
      }
      expect([...new Set(order)]).toEqual(sequences.map(({ id }) => id));
    }),
    { numRuns: 60 },
  );
});

test("with room for everything, cached tokens are those of a plain comparison with all earlier prompts", () => {
  fc.assert(
    fc.property(prompts, (given) => {
      const scheduler = new Scheduler({ ...roomy, blocks: 10_000 });
      const seen: number[][] = [];
      for (const [id, { pieces, tail }] of given.entries()) {
        const prompt = [...pieces.flatMap((piece) => repeated(piece, blockTokens)), ...repeated(9, tail)];
        const sequence = new Sequence(id, prompt, 1);
        scheduler.add(sequence);
        while (stepOnce(scheduler) !== undefined);
        expect(sequence.found?.gpu).toBe(longestSharedBlocks(prompt, seen) * blockTokens);
        seen.push(prompt);
      }
    }),
    { numRuns: 100 },
  );
});

function longestSharedBlocks(prompt: readonly number[], earlier: readonly (readonly number[])[]): number {
  const shared = earlier.map((other) => {
    const differs = prompt.findIndex((token, index) => other[index] !== token);
    return Math.floor((differs === -1 ? prompt.length : differs) / blockTokens);
  });
  return Math.min(Math.max(0, ...shared), Math.floor((prompt.length - 1) / blockTokens));
}
