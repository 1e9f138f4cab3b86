import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { expect, test, vi } from "vitest";

import { realClock } from "../host/realClock.ts";
import { thisMachine } from "../host/thisMachine.ts";
import { openJournal } from "../journal/write.ts";
import { rulerErrorOf } from "../measure/rulerError.ts";
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
