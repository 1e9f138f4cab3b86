import { readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import type { Command, InstalledProgram } from "../model/engine.ts";

/** Which version of a program is where, and what is beside it. */
export interface Installation extends Pick<InstalledProgram, "version" | "beside"> {
  /** Changes whenever another version is installed. */
  readonly identity: readonly string[];
}

/** A program that was found. */
export interface Found {
  readonly file: string;
  readonly command: Command;
  /** What starts it in its environment: of its command the program, and the first arguments. */
  readonly through: readonly string[];
  /** Its name among Python's packages, where it is not its own. */
  readonly package?: string | undefined;
}

/** What the file itself prints, given these arguments. */
export type Printed = (args: readonly string[]) => Promise<string>;

/** By what lies beside it; where Python starts it, or conda or uvx do, only Python itself can tell. */
export async function installationOf(found: Found, printed: Printed): Promise<Installation> {
  const { file, command, through } = found;
  if (through.length > 0) return toldWithin(found, [...through.slice(1), "python"], printed);
  return isPython(command.program) ? toldWithin(found, [], printed) : installationAt(file, nameOf(found));
}

function isPython(program: string): boolean {
  return /^python[\d.]*$/.test(basename(program));
}

function nameOf({ command, through, package: name }: Found): string {
  return name ?? (through.length === 0 ? basename(command.program) : (command.args[through.length - 1] ?? ""));
}

/** A Python program's version stands beside it, in the name of a folder: asking itself would take as long as asking for the flags. */
function installationAt(file: string, program: string): Installation {
  const versions = libraries(dirname(dirname(file))).flatMap((library) => installedIn(library, program));
  const [version] = versions.map((folder) => versionIn(folder, program));
  return { ...(version === undefined ? {} : { version }), ...companionsOf(file), identity: [...identityOf(file), ...versions] };
}

/** The link as well: of a virtual environment's Python the file is the system's. */
function identityOf(file: string): readonly string[] {
  const real = realpathSync(file);
  const { mtimeMs, size } = statSync(real);
  return [file, real, String(mtimeMs), String(size)];
}

async function toldWithin(found: Found, python: readonly string[], printed: Printed): Promise<Installation> {
  const program = nameOf(found);
  const { [program]: version, ...others } = versionsIn(await printed([...python, ...askVersions(program)]));
  // What does not say may be another tomorrow.
  const told = version === undefined ? { day: new Date().toISOString().slice(0, 10), ...others } : { version, ...others };
  return {
    ...(version === undefined ? {} : { version }),
    ...(Object.keys(others).length === 0 ? {} : { beside: others }),
    identity: [...identityOf(found.file), JSON.stringify(told)],
  };
}

const companions = ["lmcache"];

/** Python's arguments, with which it prints the versions of a package and of what may be beside it. */
export function askVersions(name: string): readonly string[] {
  return ["-c", script, name, ...companions];
}

// In one line: conda refuses arguments of several.
const script = [
  "import json, sys, importlib.metadata as m",
  'here = {str(d.metadata["Name"]).lower().replace("-", "_"): d.version for d in m.distributions()}',
  "print(json.dumps({name: here.get(name) for name in sys.argv[1:]}))",
].join("; ");

/** Those that are there; none where nobody answered. It is the last line: starters may have something to say before. */
export function versionsIn(printed: string): Readonly<Record<string, string>> {
  try {
    const told: unknown = JSON.parse(printed.trim().split("\n").at(-1) ?? "");
    const entries = typeof told === "object" && told !== null ? Object.entries(told) : [];
    return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    return {};
  }
}

function companionsOf(file: string): Pick<InstalledProgram, "beside"> {
  const found = libraries(dirname(dirname(file))).flatMap((library) =>
    companions.flatMap((name) => installedIn(library, name).map((folder) => [name, versionIn(folder, name)] as const)),
  );
  return found.length === 0 ? {} : { beside: Object.fromEntries(found) };
}

/** "vllm-0.32.0.dist-info" */
function versionIn(folder: string, name: string): string {
  return folder.slice(name.length + 1, -".dist-info".length);
}

function libraries(prefix: string): readonly string[] {
  const library = join(prefix, "lib");
  return namesIn(library)
    .filter((name) => /^python3\.\d+$/.test(name))
    .flatMap((name) => ["site-packages", "dist-packages"].map((packages) => join(library, name, packages)));
}

function installedIn(library: string, program: string): readonly string[] {
  return namesIn(library).filter((name) => name.startsWith(`${program}-`) && name.endsWith(".dist-info"));
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // no Python, or not laid out as one
  }
}
