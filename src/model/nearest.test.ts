import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

test("the nearest word is found through a swap, a missing letter and another case", () => {
  const words = ["prefixCaching", "model", "gpu"];
  expect(nearest("perfixCaching", words)).toBe("prefixCaching");
  expect(nearest("prefixcachin", words)).toBe("prefixCaching");
  expect(nearest("modle", words)).toBe("model");
});

test("nothing is suggested for a word that resembles none", () => {
  expect(nearest("temperature", ["model", "gpu"])).toBeUndefined();
  expect(nearest("x", ["gpu", "tp"])).toBeUndefined();
});
