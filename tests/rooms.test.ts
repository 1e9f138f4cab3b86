import { spawnSync } from "node:child_process";
import { cpSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { folder } from "../src/cli/fixture.ts";

const here = fileURLToPath(new URL("..", import.meta.url));

/** The names of the rules that a file of the room `measure` breaks. */
function broken(code: string): readonly string[] {
  using where = folder();
  for (const name of ["oxlint.config.ts", "package.json"]) cpSync(join(here, name), where.at(name));
  symlinkSync(join(here, "node_modules"), where.at("node_modules"));
  where.write("src/measure/mine.ts", `${code}\n`);
  const { stdout } = spawnSync(join(here, "node_modules/.bin/oxlint"), ["--format=json"], { cwd: where.path, encoding: "utf8" });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly { code: string }[] };
  return diagnostics.map(({ code }) => code);
}

test.each([
  'export { readFileSync } from "node:fs";',
  'export { readFileSync } from "fs";',
  'export { setTimeout } from "timers/promises";',
  'export { request } from "undici";',
  'export { realClock } from "../host/realClock.ts";',
])("a pure room opens onto nothing of the world: %s", (code) => {
  expect(broken(code)).toContain("eslint(no-restricted-imports)");
});

test.each(["Date.now()", "globalThis.Date.now()", "global.process", "process.env"])(
  "a pure room finds nothing of the world lying about: %s",
  (code) => {
    expect(broken(`export const found = ${code};`)).toEqual(["eslint(no-restricted-globals)"]);
  },
);

test("a pure room may compute with others and with packages that only compute", () => {
  expect(broken('export { toSeconds } from "../model/time.ts";\nexport { parse } from "yaml";')).toEqual([]);
});
