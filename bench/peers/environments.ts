import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

import { cache, succeeds } from "../machine.ts";

/** A virtual environment for each tool: their dependencies clash. */
const environments = join(cache, "peers");
/** A tokenizer of its own, made offline: every tool insists on one. */
export const tokenizer = join(environments, "model");

const recipe = fileURLToPath(new URL("../../scripts/real-engines/", import.meta.url));

/** What pip is asked for, and the Python it takes; vLLM's CPU build has a recipe of its own. */
const packages = {
  guidellm: { wanted: "guidellm==0.8.1", minor: 10 },
  aiperf: { wanted: "aiperf==0.13.0", minor: 10 },
  "inference-perf": { wanted: "inference-perf==0.7.0", minor: 12 },
};

/** Makes what is missing, and tells what could not be made and why. Gigabytes, minutes. */
export function installTools(): ReadonlyMap<string, string> {
  mkdirSync(environments, { recursive: true });
  const failures = new Map<string, string>();
  const attempt = (name: string, install: () => void) => {
    if (existsSync(join(environments, name, ".installed"))) return;
    console.error(`installing ${name}`);
    try {
      install();
      execFileSync("touch", [join(environments, name, ".installed")]);
    } catch (error) {
      failures.set(name, error instanceof Error ? lastLine(error.message) : String(error));
    }
  };
  attempt("vllm", () => run("bash", [join(recipe, "install.sh"), join(environments, "vllm")]));
  attempt("model", () => run(programOf("vllm", "python"), [join(recipe, "make_model.py"), tokenizer]));
  for (const [name, { wanted, minor }] of Object.entries(packages)) attempt(name, () => installByPip(name, wanted, minor));
  return failures;
}

function installByPip(name: string, wanted: string, minor: number): void {
  run(pythonOf(minor), ["-m", "venv", "--clear", join(environments, name)]);
  run(programOf(name, "pip"), ["install", "--quiet", wanted]);
}

/** Python 3.MINOR or later: the usual one, one of that name, or one of pyenv's. */
function pythonOf(minor: number): string {
  const known = ["python3", "python3.12", "python3.13", ...globSync(join(homedir(), ".pyenv/versions/3.*/bin/python3"))];
  const fitting = known.find((python) => succeeds(python, ["-c", `import sys; sys.exit(sys.version_info[:2] < (3, ${minor}))`]));
  if (fitting === undefined) throw new Error(`no Python 3.${minor} or later is here`);
  return fitting;
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: ["ignore", "inherit", "pipe"] });
}

export function programOf(tool: string, program: string): string {
  return join(environments, tool, "bin", program);
}

/** From the environment itself, without importing anything. */
export function installedVersion(tool: string, distribution: string): string | undefined {
  const about = globSync(join(environments, tool, "lib/python*/site-packages", `${distribution}-*.dist-info/METADATA`))[0];
  return about === undefined ? undefined : /^Version: (.*)$/m.exec(readFileSync(about, "utf8"))?.[1];
}

/** The one file of a directory that matches, wherever below it lies. */
export function readReport(directory: string, pattern: string): unknown {
  const file = globSync(join(directory, "**", pattern)).toSorted()[0];
  if (file === undefined) throw new Error(`left no ${basename(pattern)}`);
  return JSON.parse(readFileSync(file, "utf8"));
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? text;
}
