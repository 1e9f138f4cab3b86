import { expect, test } from "vitest";
import { unbroken } from "./unbroken.ts";

test("a number stays with its unit and an interval with its ends", () => {
  expect(unbroken("takes 412 ms (390 ms to 1.2 s), ratio 2.4 (1.9 to 3.1), within 5 %")).toBe(
    "takes 412\u00a0ms (390\u00a0ms\u00a0to\u00a01.2\u00a0s), ratio 2.4 (1.9\u00a0to\u00a03.1), within 5\u00a0%",
  );
});

test("other words may be parted", () => {
  expect(unbroken("10 requests to each engine, 8 seconds")).toBe("10 requests to each engine, 8 seconds");
});
