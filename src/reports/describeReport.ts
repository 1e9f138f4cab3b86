import { describe, expect, test } from "vitest";
import type { Report } from "../model/report.ts";
import type { TestResult } from "../model/result.ts";

/** What any report must do: the shared suite for people who write them. `results` are runs by name, no two of them alike. */
export function describeReport(make: () => Report, results: Readonly<Record<string, TestResult>>): void {
  describe(`report ${make().kind}`, () => {
    test("its extension is the end of a file's name", () => {
      expect(make().extension).toMatch(/^[a-z0-9]+$/);
    });

    for (const [name, result] of Object.entries(results)) {
      test(`${name}: there is something to read`, async () => {
        expect((await make().write(result)).byteLength).toBeGreaterThan(0);
      });

      test(`${name}: the same result gives the same bytes, also when it was read anew`, async () => {
        const bytes = await make().write(result);
        expect(hasSameBytes(await make().write(structuredClone(result)), bytes)).toBe(true);
      });

      test(`${name}: the result stays as it was`, async () => {
        const before = structuredClone(result);
        await make().write(result);
        expect(result).toEqual(before);
      });
    }

    // A short summary may well be the same of several.
    test("not all results are the same bytes", async () => {
      const [first, ...others] = await Promise.all(Object.values(results).map(async (result) => make().write(result)));
      expect(first === undefined || others.every((other) => hasSameBytes(first, other))).toBe(false);
    });
  });
}

function hasSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
