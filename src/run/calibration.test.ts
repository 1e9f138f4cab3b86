import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { expect, test, vi } from "vitest";

import { realClock } from "../host/realClock.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { describedTest, documentQuestions } from "../journal/fixture.ts";
import { readTest } from "../journal/read.ts";
import { openJournal } from "../journal/write.ts";
import { replayedLoadOf } from "../measure/replayedLoad.ts";
import { rulerErrorOf } from "../measure/rulerError.ts";
import { completed } from "../model/outcome.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { Calibration } from "./calibration.ts";
import { LoadCrew } from "./loadCrew.ts";

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
    const asked = { streams: 1, dues: [], tokens: 1 };
    await using calibration = await Calibration.start(asked, {
      crew,
      clock,
      place: thisMachine(),
      journal,
      tell: () => {},
      stop,
      directory,
    });
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

test("after the engines are gone each experiment has the error of its own load: one that is alike is not played again, nothing is where nothing came", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tandem-test-"));
  const clock = realClock();
  using journal = openJournal(directory);
  const description = describedTest(2);
  const [one] = description.experiments;
  if (one === undefined) throw new Error("it has one experiment");
  // The seconds to the only token of each reply, on one stream.
  const waits = [0.2, 0.201, 0.02, undefined];
  journal.describe({ ...description, experiments: waits.map(() => one) });
  for (const [experiment, wait] of waits.entries()) {
    journal.workload(experiment, documentQuestions(2), "hash");
    for (const request of wait === undefined ? [] : [0, 1]) {
      const due = request * 8e9;
      const exchange = journal.due({ experiment, block: 0, engine: "plain", request, start: 0, due });
      journal.stamp(exchange, "sent", due, 1);
      journal.stamp(exchange, "text", due + (wait ?? 0) * 1e9, 1);
      journal.ended(exchange, due + (wait ?? 0) * 1e9, { outcome: completed });
    }
  }
  try {
    await using crew = LoadCrew.start(1, clock);
    const told: RunEvent[] = [];
    const { signal: stop } = new AbortController();
    const options = { crew, clock, place: thisMachine(), journal, tell: (event: RunEvent) => void told.push(event), stop, directory };
    await using calibration = await Calibration.start({ streams: 1, dues: [], tokens: 1 }, options);
    const before = told.length;
    await calibration.after();
    expect(told.slice(before).map(({ kind }) => kind)).toEqual(["calibrating", "calibrating"]);
    journal.flush();
    const { experiments } = await readTest(directory);
    const counts = experiments.map(({ readings }) => rulerErrorOf(readings, "replay after")?.ttft?.count ?? 0);
    expect(counts.map((count) => count >= 662)).toEqual([true, true, true, false]);
    const rates = experiments.map(({ readings }) => replayedLoadOf(readings)?.observed.tokensPerSecond.toFixed(1));
    expect(rates).toEqual(["5.0", "5.0", "50.0", undefined]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
