import { afterEach, beforeEach, expect, test } from "vitest";

import { thisMachine } from "../host/thisMachine.ts";
import type { Place } from "../model/running.ts";
import { bench, type Bench } from "./fixture.ts";
import { processLauncher } from "./process.ts";

let at: Bench;
beforeEach(() => {
  at = bench();
});
afterEach(() => at[Symbol.dispose]());

/** This machine, whose kernel has counted so many kills for want of memory by now. */
function machine(kills: { count: number }): Place {
  return { ...thisMachine(), oomKills: () => kills.count };
}

async function deathOf(kills: { count: number }, meanwhile: () => void): Promise<string> {
  const place = machine(kills);
  await using running = await processLauncher(place).launch(at.order(at.engine("answers"), { port: await place.freePort() }));
  meanwhile();
  process.kill(Number(running.facts["process id"]), "SIGKILL");
  return await running.died;
}

test("an engine that the kernel killed for want of memory died of that, and the first line says so", async () => {
  const kills = { count: 3 };
  const message = await deathOf(kills, () => kills.count++);
  expect(message.split("\n")[0]).toBe("plain was ended by SIGKILL, out of memory: the kernel killed a process at the memory limit");
});

test("kills from before its start are none of its affair", async () => {
  expect((await deathOf({ count: 3 }, () => {})).split("\n")[0]).toBe("plain was ended by SIGKILL");
});
