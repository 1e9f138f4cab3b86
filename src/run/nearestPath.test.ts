import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

import { nearestPath } from "./nearestPath.ts";

const directory = mkdtempSync(join(tmpdir(), "tandem-nearest-"));
mkdirSync(join(directory, "models/Mistral-7B-v0.2/original"), { recursive: true });
afterAll(() => rmSync(directory, { recursive: true }));

test.each([
  ["models/Mistral-7B-v0.3", "models/Mistral-7B-v0.2"],
  ["modles/Mistral-7B-v0.2", "models/Mistral-7B-v0.2"],
  ["models/Mistral-7B-v0.2/orginal", "models/Mistral-7B-v0.2/original"],
])("%s: %s was meant", (given, meant) => {
  expect(nearestPath(join(directory, given))).toBe(join(directory, meant));
});

test("where nothing has about that name, nothing was meant", () => {
  expect(nearestPath(join(directory, "models/Qwen3-0.6B"))).toBeUndefined();
  expect(nearestPath(join(directory, "modles/Mistral-7B-v0.2/orginal"))).toBeUndefined();
  expect(nearestPath("/no/such/folder")).toBeUndefined();
});
