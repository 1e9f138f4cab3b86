// What we hold for LMCache's keys beside what the installed LMCache does: npm run test:real -- lmcacheKeys
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { lmcacheKeys, renamedKeys } from "../../src/engines/lmcacheKeys.ts";

const python = join(process.env["TANDEM_REAL"] ?? join(homedir(), ".cache", "tandem"), "real-engines", "bin", "python");
const isInstalled = existsSync(python);
if (!isInstalled)
  console.warn(`SKIPPED: our keys are compared with nothing, there is no LMCache at ${python}; npm run test:real installs it`);

const question = `
import json
from lmcache.v1 import config
print(json.dumps({"keys": list(config._CONFIG_DEFINITIONS), "aliases": config._CONFIG_ALIASES}))`;

/** Of what it prints the last line: it logs before. */
function installed(): { readonly keys: readonly string[]; readonly aliases: Readonly<Record<string, string>> } {
  const said = execFileSync(python, ["-c", question], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return JSON.parse(said.trim().split("\n").at(-1) ?? "") as ReturnType<typeof installed>; // as the question has it
}

test.skipIf(!isInstalled)("LMCache knows the keys that we let through, and no others", () => {
  const { keys, aliases } = installed();
  expect([...lmcacheKeys].sort()).toEqual([...keys].sort());
  // A name that is both is a key.
  const ours = Object.fromEntries(Object.entries(renamedKeys).map(([old, { today }]) => [old, today]));
  expect(ours).toEqual(Object.fromEntries(Object.entries(aliases).filter(([old]) => !keys.includes(old))));
});
