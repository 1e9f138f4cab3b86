import { expect, test } from "vitest";
import { answered, record } from "./fixture.ts";
import { goodput } from "./goodput.ts";
import { engineSummary } from "./summary.ts";

// TTFT as written, then two tokens 10 ms apart each: TPOT 10 ms, E2E 20 ms more.
const waits = answered("plain", [0.1, 0.2, 0.3, 0.4]);

test("a request counts that keeps every objective, one that is exactly kept too", () => {
  expect(goodput(waits, { ttft: 0.2 })).toBe(0.5);
  expect(goodput(waits, { ttft: 0.35, tpot: 0.02 })).toBe(0.75);
  expect(goodput(waits, { ttft: 0.35, tpot: 0.005 })).toBe(0);
  expect(goodput(waits, { e2e: 0.25 })).toBe(0.5);
});

test("what failed, was dropped or was cut off stays in the denominator", () => {
  const failed = record([[0.1]], { outcome: { kind: "failed", code: "disconnected", message: "" } });
  const cancelled = record([[0.1]], { outcome: { kind: "cancelled" } });
  const dropped = record([], { outcome: { kind: "dropped", reason: "late" } });
  expect(goodput([...waits, failed, cancelled, dropped], { ttft: 1 })).toBe(4 / 7);
  const warm = waits.map((one) => ({ ...one, cache: "warm" as const }));
  expect(engineSummary("plain", [...warm, failed, cancelled, dropped], { ttft: 0.2 })).toMatchObject({
    goodput: 2 / 7,
    cold: { goodput: 0 },
    warm: { goodput: 0.5 },
  });
});

test("a reply of one token has no TPOT that could be too long", () => {
  expect(goodput([record([[0.1]])], { ttft: 0.2, tpot: 0.001 })).toBe(1);
});

test("there is none without requests, and none without objectives", () => {
  expect(goodput([], { ttft: 1 })).toBeUndefined();
  expect(engineSummary("plain", waits)).not.toHaveProperty("goodput");
  expect(engineSummary("plain", waits, { ttft: 0.2 })).toMatchObject({ goodput: 0.5, cold: { goodput: 0.5 } });
  expect(engineSummary("plain", waits, { ttft: 0.2 }).warm).not.toHaveProperty("goodput");
});
