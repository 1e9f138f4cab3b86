import { expect, test } from "vitest";

import type { RunEvent } from "../model/runEvent.ts";
import { packEvents, unpackEvents } from "./packedEvents.ts";

test("events come out as they were packed, also after a way between threads", () => {
  const of = (engine: string, request: number) => ({ experiment: 3, engine, request });
  const events: readonly RunEvent[] = [
    { kind: "sent", ...of("plain", 0) },
    { kind: "sent", ...of("cached", 7) },
    { kind: "firstToken", ...of("cached", 7), ttft: 0.25 },
    { kind: "requestEnded", ...of("plain", 0), outcome: "completed" },
    { kind: "requestEnded", ...of("cached", 7), outcome: "failed", code: "http-status" },
    { kind: "requestEnded", ...of("cached", 8), outcome: "dropped" },
    { kind: "requestEnded", ...of("plain", 9), outcome: "failed", code: "refused" },
    { kind: "requestEnded", ...of("plain", 10), outcome: "cancelled" },
  ];
  expect(unpackEvents(structuredClone(packEvents(events)))).toEqual(events);
  expect(unpackEvents(packEvents([]))).toEqual([]);
});
