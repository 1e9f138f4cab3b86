import { expect, test } from "vitest";
import { compareVersions, fitOf, knownPairs, knownSglangPairs } from "./knownPairs.ts";

test("versions are compared number by number, builds and candidates left out", () => {
  expect(compareVersions("0.9.2", "0.10.0")).toBeLessThan(0);
  expect(compareVersions("0.32.0+cpu", "0.32")).toBe(0);
  expect(compareVersions("0.5.3rc1", "0.5.2")).toBeGreaterThan(0);
});

test("pairs that were seen to work fit, and say how that is known", () => {
  expect(fitOf("0.32.0+cpu", "0.5.6")).toEqual({ kind: "fits", how: "seen to work, on a CPU, with torch 2.13.0" });
  expect(fitOf("0.24.0", "0.5.0")).toMatchObject({ how: expect.stringContaining("H100") });
  expect(fitOf("0.17.1", "0.4.2")).toMatchObject({ kind: "fits" });
});

test("others do not, and the LMCache for that vLLM is named where there is one", () => {
  expect(fitOf("0.24.0", "0.3.9")).toEqual({ kind: "unknown", install: "0.5.0" });
  // LMCache's table has this one for vLLM 0.10.2 and 0.11 alone.
  expect([fitOf("0.11.2", "0.3.9").kind, fitOf("0.16.0", "0.3.9").kind, fitOf("0.16.0", "0.3.10").kind]).toEqual([
    "fits",
    "unknown",
    "fits",
  ]);
  expect(fitOf("0.6.2", "0.1.4")).toEqual({ kind: "unknown", install: undefined });
});

test("what each pair says to install fits by its own table", () => {
  for (const { engine, install } of knownPairs) expect(fitOf(engine[0], install).kind).toBe("fits");
  for (const { engine, install } of knownSglangPairs) expect(fitOf(engine[0], install, knownSglangPairs).kind).toBe("fits");
});
