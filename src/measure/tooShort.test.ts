import { expect, test } from "vitest";
import { fixture } from "../reports/fixture.ts";
import { tooShortReasons } from "./tooShort.ts";
import { answered, experimentOf } from "./fixture.ts";

const [engine] = fixture({ contexts: [512], requests: 2 }).description.engines;

/** Replies of so many tokens, of so many. */
function reasons(lengths: "fixed" | undefined, ...replies: readonly (readonly [outputTokens: number, maxOutputTokens: number])[]) {
  if (engine === undefined) throw new Error("the fixture has engines");
  const records = replies.flatMap(([outputTokens, maxOutputTokens]) => answered("plain", [1], { outputTokens, maxOutputTokens }));
  const { lengths: _usual, ...of } = engine;
  return tooShortReasons(experimentOf(records), [{ ...of, name: "plain", ...(lengths === undefined ? {} : { lengths }) }]);
}

test("answers shorter than an engine was told to make them are a reason, those of an engine's own length are not", () => {
  expect(reasons("fixed", [2, 8], [2, 8], [2, 8])).toMatchObject([
    { state: "DEGRADED", what: "answered 3 of 3 requests with fewer tokens than it was told to (down to 2 of 8)", engine: "plain" },
  ]);
  expect(reasons("fixed", [8, 8])).toEqual([]);
  expect(reasons(undefined, [2, 8])).toEqual([]);
});

test("the shortest answer is told with what that very request was to have", () => {
  expect(reasons("fixed", [20, 32], [3, 4], [16, 16])[0]?.what).toContain("(down to 3 of 4)");
});
