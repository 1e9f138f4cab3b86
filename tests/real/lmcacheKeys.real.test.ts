// What we hold for LMCache's keys beside what the installed LMCache does: npm run test:real -- lmcacheKeys
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { keysOf, renamedKeys } from "../../src/engines/lmcacheKeys.ts";

const python = join(process.env["TANDEM_REAL"] ?? join(homedir(), ".cache", "tandem"), "real-engines", "bin", "python");
const isInstalled = existsSync(python);
if (!isInstalled)
  console.warn(`SKIPPED: our keys are compared with nothing, there is no LMCache at ${python}; npm run test:real installs it`);

const question = `
import json
from importlib.metadata import version
from lmcache.v1 import config
print(json.dumps({"version": version("lmcache"), "keys": list(config._CONFIG_DEFINITIONS), "aliases": config._CONFIG_ALIASES}))`;

/** Of what it prints the last line: it logs before. */
function installed(): { readonly version: string; readonly keys: readonly string[]; readonly aliases: Readonly<Record<string, string>> } {
  const said = execFileSync(python, ["-c", question], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return JSON.parse(said.trim().split("\n").at(-1) ?? "") as ReturnType<typeof installed>; // as the question has it
}

test.skipIf(!isInstalled)("LMCache knows the keys that we let through, and no others", () => {
  const { version, keys, aliases } = installed();
  expect([...keysOf(version)].sort()).toEqual([...keys].sort());
  // A name that is both is a key.
  expect(renamedKeys).toEqual(Object.fromEntries(Object.entries(aliases).filter(([old]) => !keys.includes(old))));
});
