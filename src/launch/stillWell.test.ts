import { afterAll, expect, test } from "vitest";

import { thisMachine } from "../host/thisMachine.ts";
import type { RunningEngine } from "../model/running.ts";
import { bench } from "./fixture.ts";
import { processLauncher } from "./process.ts";
import { untilWellOrDead } from "./stillWell.ts";

const at = bench();
afterAll(() => at[Symbol.dispose]());
const place = thisMachine();
const never = new AbortController().signal;

test("an engine that is well is not waited for, one that has become unwell until it has ended, and then no longer", async () => {
  await using running = await processLauncher(place).launch(at.order(at.engine("dies"), { port: await place.freePort() }));
  const deaths: string[] = [];
  void running.died.then((cause) => deaths.push(cause));
  const from = performance.now();
  await untilWellOrDead(running, never);
  expect(deaths).toEqual([]);
  expect(performance.now() - from).toBeLessThan(2_000);
  await fetch(`${urlOf(running)}/kill`, { method: "POST" });
  await untilWellOrDead(running, never);
  expect(deaths).toEqual([expect.stringContaining("exited with status 0")]);
});

function urlOf({ reach }: RunningEngine): string {
  return reach.kind === "http" ? reach.url : "";
}
