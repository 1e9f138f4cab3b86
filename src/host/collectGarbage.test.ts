import { expect, test } from "vitest";

import { collectGarbage } from "./collectGarbage.ts";

test("what nobody holds is gone at once", async () => {
  const kept = { some: "thing" };
  const references = [new WeakRef(kept), new WeakRef({ some: "thing" })];
  await new Promise(setImmediate); // a WeakRef is held until the turn in which it was made is over
  collectGarbage();
  expect(references.map((reference) => reference.deref())).toEqual([kept, undefined]);
});
