import { array, assert, double, integer, property, record } from "fast-check";
import { expect, test } from "vitest";

import type { Engine } from "../model/engine.ts";
import { assignSlots, fullGpu } from "./slots.ts";

test("engines with a GPU for each are up together", () => {
  expect(assignSlots([started(1, 0.8), started(1, 0.8)], ["0", "1"], [])).toEqual([
    { batch: 0, gpus: ["0"], port: undefined },
    { batch: 0, gpus: ["1"], port: undefined },
  ]);
});

test("two that want 0.8 of the only GPU run in turn", () => {
  expect(assignSlots([started(1, 0.8), started(1, 0.8)], ["0"], [])).toEqual([
    { batch: 0, gpus: ["0"], port: undefined },
    { batch: 1, gpus: ["0"], port: undefined },
  ]);
});

test("two that share the only GPU, 0.45 + 0.5 = 0.95, are up together", () => {
  const slots = assignSlots([started(1, 0.45), started(1, 0.5)], ["0"], []);
  expect(slots.map(({ batch, gpus }) => [batch, gpus])).toEqual([
    [0, ["0"]],
    [0, ["0"]],
  ]);
});

test("a GPU of one's own comes before a shared one", () => {
  const slots = assignSlots([started(1, 0.4), started(1, 0.4), started(1, 0.4)], ["0", "1"], []);
  expect(slots.map(({ gpus }) => gpus)).toEqual([["0"], ["1"], ["0"]]);
});

test("an engine over two GPUs waits for both", () => {
  const slots = assignSlots([started(1, 0.9), started(2, 0.9), started(1, 0.9)], ["2", "3"], []);
  expect(slots.map(({ batch, gpus }) => [batch, gpus])).toEqual([
    [0, ["2"]],
    [1, ["2", "3"]],
    [0, ["3"]],
  ]);
});

test("an engine that wants more GPUs than there are gets none, and keeps nobody waiting", () => {
  const slots = assignSlots([started(1, 0.8), started(1, 0.8)], [], []);
  expect(slots.map(({ batch, gpus }) => [batch, gpus])).toEqual([
    [0, []],
    [0, []],
  ]);
});

test("asked ports go to the engines we start, in their order; the rest take free ones", () => {
  const engines = [attached(), started(0, 0), started(0, 0), started(0, 0)];
  expect(assignSlots(engines, [], [8000, 8001]).map(({ port }) => port)).toEqual([undefined, 8000, 8001, undefined]);
});

test("a port asked for twice is the author's mistake", () => {
  expect(() => assignSlots([], [], [8000, 8001, 8000])).toThrow("port 8000 is asked for twice");
});

test("within a batch no GPU is promised beyond what it has, and every engine that can run is given what it needs", () => {
  const engine = record({ gpus: integer({ min: 0, max: 4 }), share: double({ min: 0.05, max: 0.95, noNaN: true }) });
  assert(
    property(array(engine, { maxLength: 8 }), integer({ min: 0, max: 4 }), (wanted, count) => {
      const here = Array.from({ length: count }, (_, index) => String(index));
      const slots = assignSlots(
        wanted.map(({ gpus, share }) => started(gpus, share)),
        here,
        [],
      );
      const used = new Map<string, number>();
      for (const [index, { batch, gpus }] of slots.entries()) {
        const { gpus: needed = 0, share = 0 } = wanted[index] ?? {};
        expect(new Set(gpus).size).toBe(needed > count ? 0 : needed);
        for (const gpu of gpus) used.set(`${batch} ${gpu}`, (used.get(`${batch} ${gpu}`) ?? 0) + share);
      }
      for (const share of used.values()) expect(share).toBeLessThanOrEqual(fullGpu + 1e-6);
    }),
  );
});

function started(gpus: number, gpuShare: number): { name: string; engine: Engine } {
  const command = () => ({ program: "none", args: [], env: {} });
  return { name: "any", engine: { ...described, gpus, gpuShare, launch: { kind: "process", command, ready, missing: "" } } };
}

function attached(): { name: string; engine: Engine } {
  return { name: "any", engine: { ...described, gpus: 0, gpuShare: 0, launch: { kind: "attached", url: "http://127.0.0.1:1", ready } } };
}

const ready = { path: "/health", within: 1 };

const described = {
  kind: "stand-in",
  model: "tiny",
  simulated: false,
  wire: { api: "chat", takesTokenIds: false, tokenIdOffset: 0, fixesLength: false },
  features: [],
  configFiles: [],
} as const;
