import { spawnSync } from "node:child_process";

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Clock } from "../model/host.ts";
import { kernelAlarm } from "./native.ts";
import { punctualClock, realClock } from "./realClock.ts";
import { virtualClock } from "./virtualClock.ts";

const milliseconds = 1_000_000;

describe.each([
  ["real", realClock],
  ["punctual", punctualClock],
  ["virtual", virtualClock],
] as const)("a %s clock", (_, clockOf: () => Clock) => {
  test("calls in the order of time, of equal times the first one first, and never early", async () => {
    const clock = clockOf();
    const start = clock.now();
    const calls: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const call = (name: string, after: number) =>
      clock.at(start + after, () => {
        expect(clock.now()).toBeGreaterThanOrEqual(start + after);
        calls.push(name);
        if (name === "last") resolve();
      });
    call("last", 12 * milliseconds);
    call("b", 5 * milliseconds);
    call("c", 5 * milliseconds);
    call("a", 1 * milliseconds);
    call("past", -milliseconds);
    await clock.runUntil(promise);
    expect(calls).toEqual(["past", "a", "b", "c", "last"]);
  });

  test("calls nobody who has cancelled, and not before `at` has returned", async () => {
    const clock = clockOf();
    const calls: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.at(clock.now() + milliseconds, () => calls.push("cancelled"));
    clock.at(clock.now(), () => {
      clock.at(clock.now() - milliseconds, () => calls.push("inner"));
      calls.push("outer");
    });
    clock.at(clock.now() + 3 * milliseconds, resolve);
    expect(calls).toEqual([]);
    cancel();
    await clock.runUntil(promise);
    expect(calls).toEqual(["outer", "inner"]);
  });
});

describe("a virtual clock", () => {
  test("plays a day at once and does not move for what was cancelled", async () => {
    const clock = virtualClock();
    const { promise, resolve } = Promise.withResolvers<void>();
    const day = 86_400_000 * milliseconds;
    clock.at(2 * day, () => {})();
    clock.at(day, resolve);
    await clock.runUntil(promise);
    expect(clock.now()).toBe(day);
  });

  test("calls everything that is left before a promise gets its turn", async () => {
    const clock = virtualClock();
    const calls: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    void promise.then(() => calls.push("promise"));
    clock.at(1, resolve);
    clock.at(2, () => clock.at(3, () => calls.push("last")));
    await clock.runUntil(promise);
    expect(calls).toEqual(["last", "promise"]);
  });

  test("waits for what a promise schedules, also when nothing was scheduled at first", async () => {
    const clock = virtualClock();
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(() => clock.at(7, resolve), 5);
    await clock.runUntil(promise);
    expect(clock.now()).toBe(7);
  });

  test("ends when what was waited for happens, though something repeats for ever", async () => {
    const clock = virtualClock();
    const { promise, resolve } = Promise.withResolvers<void>();
    const repeat = () => void clock.at(clock.now() + 1, repeat);
    repeat();
    clock.at(10, resolve);
    await clock.runUntil(promise);
    expect(clock.now()).toBeGreaterThanOrEqual(10);
  });

  test("any wake-ups come in the order of (time, added)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 20 }), { minLength: 1 }), async (times) => {
        const clock = virtualClock();
        const calls: number[] = [];
        const { promise, resolve } = Promise.withResolvers<void>();
        for (const [index, time] of times.entries()) clock.at(time, () => calls.push(index));
        clock.at(21, resolve);
        await clock.runUntil(promise);
        expect(calls).toEqual([...times.keys()].sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b));
      }),
    );
  });
});

describe("a punctual clock", () => {
  test("is not as late as a timer: calls due just after a millisecond are not put off to the next one", async () => {
    const clock = punctualClock();
    await until(clock, clock.now() + 300 * milliseconds); // its thread has started
    const late: number[] = [];
    for (let call = 0; call < 40; call++) {
      const due = clock.now() + 2.05 * milliseconds;
      await until(clock, due);
      late.push(clock.now() - due);
    }
    // A timer would be set to 3 ms, and never be less than 0.9 ms late. A quarter is enough: the machine may be busy.
    expect(late.sort((a, b) => a - b)[10]).toBeLessThan(0.7 * milliseconds);
  });
});

describe.runIf(kernelAlarm(() => {}) !== undefined)("a punctual clock with the kernel's alarm", () => {
  test("sleeps between calls 0.3 ms apart: it spins for the last tenths only", async () => {
    const clock = punctualClock();
    await until(clock, clock.now() + 20 * milliseconds);
    const [start, before] = [clock.now(), process.threadCpuUsage()];
    for (let call = 1; call <= 2_000; call++) await until(clock, start + call * 0.3 * milliseconds);
    const { user, system } = process.threadCpuUsage(before);
    // 1 when it spins all the time; about 0.4 with what a call itself takes.
    expect(((user + system) * 1_000) / (clock.now() - start)).toBeLessThan(0.8);
  });
});

describe("a real clock", () => {
  test("gives no whole number: code compiled for small ones would be thrown away when they get large, amid a load", () => {
    const times = Array.from({ length: 20 }, () => realClock()).flatMap((clock) => Array.from({ length: 100 }, () => clock.now()));
    expect(times.filter(Number.isInteger)).toEqual([]);
  });

  test("agrees with the clock of another process that was given its origin", () => {
    const clock = realClock();
    const program = `import { realClock } from ${JSON.stringify(new URL("realClock.ts", import.meta.url).href)};
      console.log(realClock(${JSON.stringify(clock.origin)}).now());`;
    const before = clock.now();
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
    expect(Number(stdout)).toBeGreaterThan(before);
    expect(Number(stdout)).toBeLessThan(clock.now());
  });

  test("lets others have the event loop while a thousand calls are due", async () => {
    const clock = realClock();
    const { promise, resolve } = Promise.withResolvers<void>();
    const busyUntil = (time: number) => {
      while (clock.now() < time) continue;
    };
    let called = 0;
    const between: number[] = [];
    const look = () => {
      between.push(called);
      if (called < 1_000) setImmediate(look);
    };
    for (let count = 0; count < 1_000; count++) {
      clock.at(0, () => {
        busyUntil(clock.now() + 0.02 * milliseconds);
        if (++called === 1_000) resolve();
      });
    }
    look();
    await promise;
    // 20 ms of calls, 0.2 ms in each turn.
    expect(between.length).toBeGreaterThan(20);
  });
});

async function until(clock: Clock, time: number): Promise<void> {
  return new Promise((resolve) => void clock.at(time, resolve));
}
