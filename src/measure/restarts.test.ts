import { expect, test } from "vitest";
import type { LimitChanges } from "../model/limits.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import { answered, experimentOf } from "./fixture.ts";
import { restartReasons } from "./restarts.ts";

const restarted: RunEvent = { kind: "restarted", engine: "server", message: "llamacpp:tokens_total went back from 900 to 0" };
const died: RunEvent = { kind: "died", engine: "server", message: "server refuses connections" };

test("a server that was started anew makes the experiment INVALID, which says when, and how it is known", () => {
  const [reason] = reasons([[28, restarted]]);
  expect(reason).toMatchObject({
    state: "INVALID",
    engine: "server",
    what: "was started anew, as was seen 18 s after the experiment began (llamacpp:tokens_total went back from 900 to 0): its caches were empty then, and its code cold",
  });
  expect(reason?.advice).toContain("find out who ended it");
});

test.each([
  ["in an earlier experiment", [[5, restarted]], {}],
  [
    "in a later experiment",
    [
      [110, started(1)],
      [111, restarted],
    ],
    {},
  ],
  [
    "and then died, which is the reason",
    [
      [28, restarted],
      [40, died],
    ],
    {},
  ],
  ["where the experiment does not mind", [[28, restarted]], { restarted: false }],
] as const)("one that was started anew %s is no reason", (_name, happened, limits) => {
  expect(reasons(happened, limits)).toEqual([]);
});

function started(experiment: number): RunEvent {
  return { kind: "experimentStarted", experiment, title: "", order: "together", engines: ["server"], requests: 9 };
}

/** Of an experiment that began at 10 s. */
function reasons(happened: readonly (readonly [Seconds, RunEvent])[], limits: LimitChanges = {}) {
  const { description, ...result } = experimentOf(answered("server", [0.5]));
  const events = [[10, started(0)] as const, ...happened].sort(([one], [other]) => one - other);
  return restartReasons(
    { ...result, description: { ...description, limits } },
    events.map(([at, event]) => ({ at: at * 1e9, event })),
  );
}
