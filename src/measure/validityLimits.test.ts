import { readdirSync, readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { limitNames } from "../model/limits.ts";

const room = new URL("./", import.meta.url);
const judges = readdirSync(room).filter((name) => name.endsWith(".ts") && !/\.test\.ts$|^validityLimits\.ts$/.test(name));
const code = judges.map((name) => readFileSync(new URL(name, room), "utf8").replaceAll(/^\s*(?:\/?\*|\/\/).*$/gm, "")).join("\n");

test("something is held against every limit that there is", () => {
  const found = code.matchAll(/\blimits\.(\w+)|\{ (\w+): limit \} = limitsOf\(|\blimitsOf\(.*?\)\.(\w+)/g);
  const judged = new Set<unknown>(Array.from(found, ([, ...names]) => names.find((name) => name !== undefined)));
  expect(limitNames.filter((name) => !judged.has(name))).toEqual([]);
});
