import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Clock } from "../model/host.ts";
import type { Probe, Reading } from "../model/record.ts";

export interface ProbeExpectation {
  /** Every series it reads; none where there is nothing to read. */
  readonly series: readonly string[];
}

/** What any probe must do: the shared suite for people who write them. */
export function describeProbe(name: string, make: (clock: Pick<Clock, "now">) => Probe, { series }: ProbeExpectation): void {
  const clock = { now: () => Number(process.hrtime.bigint()) };

  describe(`probe ${name}`, () => {
    test("started, its first readings are in; where there is nothing to read it says so, and reads no zeros", async () => {
      await using reading = await started(make(clock));
      expect(reading.found).toBe(series.length > 0);
      expect(reading.all.length > 0).toBe(series.length > 0);
    });

    test("it can be stopped before it has started, and twice", async () => {
      const probe = make(clock);
      await expect(probe.stop()).resolves.not.toThrow();
      await probe.start(() => {});
      await probe.stop();
      await expect(probe.stop()).resolves.not.toThrow();
    });

    if (series.length === 0) return;

    test("every series is read, as finite numbers of something with a name", async () => {
      await using reading = await started(make(clock));
      await until(() => series.every((wanted) => reading.all.some((one) => one.series === wanted)));
      expect([...new Set(reading.all.map((one) => one.series))].sort()).toEqual([...series].sort());
      expect(reading.all.filter(({ value, of }) => !Number.isFinite(value) || of === "")).toEqual([]);
    });

    test("readings are stamped with the clock it was given, in order", async () => {
      const before = clock.now();
      await using reading = await started(make(clock));
      await until(() => new Set(reading.all.map(({ at }) => at)).size > 1);
      const stamps = reading.all.map(({ at }) => at);
      expect(stamps).toEqual([...stamps].sort((one, other) => one - other));
      expect(stamps[0]).toBeGreaterThanOrEqual(before);
      expect(stamps.at(-1)).toBeLessThanOrEqual(clock.now());
    });

    test("nothing is read after it was stopped", async () => {
      const reading = await started(make(clock));
      await reading[Symbol.asyncDispose]();
      const read = reading.all.length;
      await pause(1_100);
      expect(reading.all).toHaveLength(read);
    });
  });
}

interface Started extends AsyncDisposable {
  readonly found: boolean;
  readonly all: readonly Reading[];
}

async function started(probe: Probe): Promise<Started> {
  const all: Reading[] = [];
  const found = await probe.start((reading) => all.push(reading));
  return { found, all, [Symbol.asyncDispose]: async () => probe.stop() };
}

async function until(isSo: () => boolean): Promise<void> {
  const giveUp = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > giveUp) throw new Error("not so within 10 s");
    await pause(20);
  }
}
