import type { Reading } from "../model/record.ts";
import type { Nanoseconds } from "../model/time.ts";

/** What may hold a GPU's clock down, by its bit in NVML's mask of clock event reasons. */
const reasons = {
  idle: 0x1,
  "applications clocks": 0x2,
  "software power cap": 0x4,
  "hardware slowdown": 0x8,
  "sync boost": 0x10,
  "software thermal slowdown": 0x20,
  "hardware thermal slowdown": 0x40,
  "hardware power brake": 0x80,
  "display clock setting": 0x100,
} as const;

type ThrottleReason = keyof typeof reasons;

/** Says that something is wrong with the machine. At its power cap a GPU always is under full load, and idle it is between requests. */
export const isFault: ReadonlySet<string> = new Set<ThrottleReason>([
  "hardware slowdown",
  "software thermal slowdown",
  "hardware thermal slowdown",
  "hardware power brake",
]);

/** In words, of a reading of `gpu-throttle-reasons`. */
export function throttleReasons(mask: number): readonly string[] {
  return Object.entries(reasons).flatMap(([words, bit]) => ((mask & bit) === 0 ? [] : [words]));
}

/** What held the clock of a GPU down while an experiment was measured, and in what share of its readings. */
export interface Throttling {
  /** "gpu-0" */
  readonly gpu: string;
  readonly shares: Readonly<Record<string, number>>;
  /** Of the readings with any reason that is a fault. */
  readonly faulty: number;
}

/** Of each GPU that told when it counts; empty shares where nothing held its clock down. */
export function throttlingOf(readings: readonly Reading[], isCounted: (at: Nanoseconds) => boolean): readonly Throttling[] {
  const told = readings.filter(({ series }) => series === "gpu-throttle-reasons");
  return [...Map.groupBy(told, ({ of }) => of)].flatMap(([gpu, own]) => {
    const found = withoutPassing(own)
      .filter(({ at }) => isCounted(at))
      .map(({ value }) => throttleReasons(value));
    if (found.length === 0) return [];
    const counted = Map.groupBy(found.flat(), (words) => words);
    const shares = Object.fromEntries([...counted].map(([words, times]) => [words, times.length / found.length]));
    return [{ gpu, shares, faulty: found.filter((words) => words.some((one) => isFault.has(one))).length / found.length }];
  });
}

/** A hardware slowdown may be told, says NVIDIA, while clocks change: by itself, in a single reading, it means nothing. */
function withoutPassing(readings: readonly Reading[]): readonly Reading[] {
  const masks = readings.map(({ value }) => value);
  const bit = reasons["hardware slowdown"];
  const why = reasons["hardware thermal slowdown"] | reasons["hardware power brake"];
  const isSlowed = (mask = 0): boolean => (mask & bit) !== 0;
  return readings.map((reading, index) => {
    const mask = reading.value;
    const isMeant = (mask & why) !== 0 || isSlowed(masks[index - 1]) || isSlowed(masks[index + 1]);
    return isSlowed(mask) && !isMeant ? { ...reading, value: mask - bit } : reading;
  });
}
