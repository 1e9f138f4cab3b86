import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { standInFigures } from "./standInFigures.ts";

const { plain } = standInFigures(["plain"], { seed: 1, lacksNothing: true }).on;
const parts = new Set(["engine", "cold", "partial", "warm"]);
const figures = Object.keys(plain ?? {}).filter((name) => !parts.has(name));

function textAt(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}

// The compiler sees to it that checks are tried on every figure there is; of these two it knows nothing.
test("docs/test-files.md tells authors of every figure", () => {
  const text = textAt("../../docs/test-files.md");
  const table = text.slice(text.indexOf("| figure | is |"), text.indexOf("\n\nA figure that is missing"));
  expect(figures.filter((name) => !new RegExp(`\`${name}\\b`).test(table))).toEqual([]);
});

test("every figure of a check is in the JSON too", () => {
  const written = new Set(Array.from(textAt("../reports/json.ts").matchAll(/\bsummary\.(\w+)/g), ([, name]) => name));
  expect(figures.filter((name) => !written.has(name))).toEqual([]);
});
