import { expect, test } from "vitest";
import { askedBeforeReasons } from "./askedBefore.ts";

test("an engine that had more of the prompts from tests before is named, and none where all had alike", () => {
  expect(askedBeforeReasons({ askedBefore: ["one"] })).toMatchObject([
    { state: "DEGRADED", engine: "one", what: expect.stringMatching(/^was sent more of these prompts by earlier tests of this run/) },
  ]);
  expect(askedBeforeReasons({})).toEqual([]);
});
