import { describe, expect, test } from "vitest";
import type { Report } from "../model/report.ts";
import type { TestResult } from "../model/result.ts";

/** What any report must do: the shared suite for people who write them. `results` are runs by name, no two of them alike. */
export function describeReport(make: () => Report, results: Readonly<Record<string, TestResult>>): void {
  const ran = Object.values(results).find(({ experiments }) => experiments.some(({ records }) => records.length > 0));

  describe(`report ${make().kind}`, () => {
    test("its extension is the end of a file's name", () => {
      expect(make().extension).toMatch(/^[a-z0-9]+$/);
    });

    for (const [name, result] of Object.entries(results)) {
      test(`${name}: there is something to read, and nothing made of a value that is missing`, async () => {
        const bytes = await make().write(result);
        expect(bytes.byteLength).toBeGreaterThan(0);
        expect(/\b(?:undefined|NaN)\b/.exec(textOf(bytes))).toBe(null);
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

    test.runIf(ran !== undefined)("it says whether engines were simulated", async () => {
      const [one, other] = await Promise.all(
        [true, false].map(async (simulated) => make().write(saidSimulated(ran as TestResult, simulated))),
      );
      expect(hasSameBytes(one as Uint8Array, other as Uint8Array)).toBe(false);
    });

    test.runIf(ran !== undefined)("in virtual time it tells neither when nor where it was made", async () => {
      const result = virtual(ran as TestResult);
      const manifest = { ...result.manifest, startedAt: "2031-05-06T07:08:09.000Z", host: { name: "elsewhere" } };
      expect(hasSameBytes(await make().write({ ...result, manifest }), await make().write(result))).toBe(true);
    });

    // A short summary may well be the same of several.
    test("not all results are the same bytes", async () => {
      const [first, ...others] = await Promise.all(Object.values(results).map(async (result) => make().write(result)));
      expect(first === undefined || others.every((other) => hasSameBytes(first, other))).toBe(false);
    });
  });
}

function saidSimulated(result: TestResult, simulated: boolean): TestResult {
  const engines = result.description.engines.map((engine) => ({ ...engine, simulated }));
  return { ...result, description: { ...result.description, simulated, engines } };
}

/** Nobody was started and nobody was called. */
function virtual(result: TestResult): TestResult {
  const simulated = saidSimulated(result, true);
  const engines = simulated.description.engines.map(({ command: _command, url: _url, ...engine }) => engine);
  return { ...simulated, description: { ...simulated.description, engines } };
}

/** But for a page's own programs; of what is no text, nothing. */
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replaceAll(/<script\b[^>]*>[^]*?<\/script>/g, "");
  } catch {
    return "";
  }
}

function hasSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
