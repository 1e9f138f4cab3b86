import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { folder, type Folder } from "../src/cli/fixture.ts";

const here = fileURLToPath(new URL("..", import.meta.url));
const hasCompiler = process.platform === "linux" && spawnSync("cc", ["--version"]).status === 0;

/** This project in another folder, with the dependencies of this one. */
function copied(where: Folder, ...path: readonly string[]): string {
  const to = where.at(...path);
  mkdirSync(join(to, "node_modules"), { recursive: true });
  for (const name of ["tandem", "scripts", "src", "package.json", "package-lock.json"])
    cpSync(join(here, name), join(to, name), { recursive: true });
  for (const name of readdirSync(join(here, "node_modules"))) {
    if (!name.startsWith(".tandem-native")) symlinkSync(join(here, "node_modules", name), join(to, "node_modules", name));
  }
  return to;
}

/** What doctor says there of receive stamps. */
function stampedBy(project: string, path = process.env["PATH"]): string | undefined {
  const { stdout, stderr } = spawnSync(join(project, "tandem"), ["doctor", "--json"], {
    encoding: "utf8",
    env: { ...process.env, PATH: path },
  });
  expect(stderr).toBe("");
  const { findings } = JSON.parse(stdout) as { findings: readonly { what: string; found: string }[] };
  return findings.find(({ what }) => what === "receive stamps")?.found;
}

/** A PATH with what the launcher needs, and without a compiler. */
function withoutCompiler(where: Folder): string {
  const path = where.at("bin");
  mkdirSync(path);
  for (const name of ["sh", "env", "cmp", "dirname", "readlink", "uname", "rm", "cp", "mv"]) {
    symlinkSync(spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim(), join(path, name));
  }
  return path;
}

test.runIf(hasCompiler)("a library of stamps that does not load here is built again, and gone without where it cannot be", () => {
  using where = folder();
  const project = copied(where, "project");
  expect(stampedBy(project)).toBe("by the kernel");
  const library = join(project, "node_modules/.tandem-native.so");
  const whole = readFileSync(library);
  writeFileSync(library, whole.subarray(0, 9_000));
  expect(stampedBy(project)).toBe("by the kernel");
  writeFileSync(library, whole.subarray(0, 9_000));
  expect(stampedBy(project, withoutCompiler(where))).toBe("when they are read");
});

test.runIf(hasCompiler)("a folder with a space in its path starts as any other, without the library", () => {
  using where = folder();
  const project = copied(where, "with a space");
  expect(dirname(project)).toBe(where.path);
  expect(stampedBy(project)).toBe("when they are read");
});
