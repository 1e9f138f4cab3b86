import { expect, test } from "vitest";
import { once } from "./once.ts";

test("what is computed of an object is computed once, also where nothing comes of it", () => {
  let times = 0;
  const nothing = once(() => void times++);
  const [one, other] = [{}, {}];
  for (const of of [one, other, one, one]) expect(nothing(of)).toBeUndefined();
  expect(times).toBe(2);
});
