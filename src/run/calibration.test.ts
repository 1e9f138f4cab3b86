import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { expect, test, vi } from "vitest";

import { realClock } from "../host/realClock.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { openJournal } from "../journal/write.ts";
import { rulerErrorOf } from "../measure/rulerError.ts";
import { Calibration, streamsWithin } from "./calibration.ts";
import { LoadCrew } from "./loadCrew.ts";

test("as many streams as are within the bound are found by halving twice, or that not even those are", async () => {
  const tried: number[] = [];
  const upTo = (limit: number) => async (streams: number) => {
    tried.push(streams);
    return streams <= limit ? 0.0004 : 0.003;
  };
  expect(await streamsWithin(0.001, 2_000, 0.0009, upTo(2_000))).toEqual({ streams: 2_000, isKept: true });
  expect(tried).toEqual([]); // the first error was known
  expect(await streamsWithin(0.001, 2_000, 0.003, upTo(600))).toEqual({ streams: 500, isKept: true });
  expect(tried).toEqual([1_000, 500]);
  expect(await streamsWithin(0.001, 2_000, 0.003, upTo(0))).toEqual({ streams: 500, isKept: false });
  expect(await streamsWithin(0.001, 100, undefined, upTo(100))).toEqual({ streams: 50, isKept: true });
});

test("the stream of control of an experiment that is played in pieces is one, with the values of all of them", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tandem-test-"));
  const clock = realClock();
  using journal = openJournal(directory);
  const heard = vi.spyOn(journal, "reading");
  const controlled = () =>
    rulerErrorOf(
      heard.mock.calls.map(([, reading]) => reading),
      "control stream",
    );
  try {
    await using crew = LoadCrew.start(1, clock);
    const { signal: stop } = new AbortController();
    await using calibration = await Calibration.start(1, { crew, clock, place: thisMachine(), journal, tell: () => {}, stop, directory });
    const counts: number[] = [];
    for (let piece = 0; piece < 2; piece++) {
      const end = calibration.during(0);
      await pause(1_500);
      await end();
      counts.push(controlled()?.stamp?.count ?? 0);
    }
    const [first = 0, both = 0] = counts;
    expect(first).toBeGreaterThan(20);
    expect(both).toBeGreaterThan(first + 20);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
