import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { programFile } from "../host/thisMachine.ts";
import { engineEnvironment } from "../launch/environment.ts";
import { trialSlot } from "../launch/neededServices.ts";
import type { Command, Engine, InstalledProgram, World } from "../model/engine.ts";
import type { Place } from "../model/running.ts";
import { listedFlags } from "./listedFlags.ts";

export interface Asking {
  readonly place: Place;
  readonly own?: NodeJS.ProcessEnv;
  /** Said before a program is asked, which may take half a minute. */
  readonly tell?: (message: string) => void;
}

/** What an engine's program says of itself: asked once for each installation, then remembered. Undefined where it is not here or does not say. */
export async function installedProgram(name: string, engine: Engine, world: World, asking: Asking): Promise<InstalledProgram | undefined> {
  const { own = process.env, place, tell = () => {} } = asking;
  const { launch } = engine;
  if (launch.kind !== "process" || launch.listsFlags === undefined) return undefined;
  const command = launch.command(trialSlot({ engine, world }), world);
  const { env } = engineEnvironment(own, command.env, { gpus: [] });
  const file = programFile(command.program, env["PATH"]);
  if (file === undefined) return undefined;
  const within = launch.through === undefined ? undefined : await askedWithin(launch.through, { name, file, env, command }, asking);
  const installation = within ?? installationAt(file, basename(command.program));
  const memory = memoryOf(own, [...installation.identity, ...launch.listsFlags.flat()]);
  const remembered = recall(memory);
  const { version, beside } = installation;
  // Not remembered: what is beside it is installed and replaced by itself.
  const besides = beside === undefined ? {} : { beside };
  if (remembered !== undefined) return { ...remembered, ...besides };
  if (silent.has(memory)) return undefined;
  tell(`asking ${name}'s ${command.program} for its flags; once for each installation`);
  for (const args of launch.listsFlags) {
    const flags = listedFlags(await output({ program: file, args, env }, place));
    // A complaint about the arguments names one or two flags as well.
    if (flags.length < fewest) continue;
    const found = { ...(version === undefined ? {} : { version }), flags };
    remember(memory, found);
    return { ...found, ...besides };
  }
  silent.add(memory);
  return undefined;
}

/** Those that did not say, and are not asked again by this process: it may take minutes each time. */
const silent = new Set<string>();

const fewest = 20;
const patienceMilliseconds = 120_000;

interface Installation extends Pick<InstalledProgram, "version" | "beside"> {
  /** Changes whenever another version is installed. */
  readonly identity: readonly string[];
}

/** A Python program's version stands beside it, in the name of a folder: asking itself would take as long as asking for the flags. */
function installationAt(file: string, program: string): Installation {
  const versions = libraries(dirname(dirname(file))).flatMap((library) => installedIn(library, program));
  const [version] = versions.map((folder) => versionIn(folder, program));
  return { ...(version === undefined ? {} : { version }), ...companionsOf(file), identity: [...identityOf(file), ...versions] };
}

function identityOf(file: string): readonly string[] {
  const real = realpathSync(file);
  const { mtimeMs, size } = statSync(real);
  return [real, String(mtimeMs), String(size)];
}

interface Starter {
  readonly name: string;
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  readonly command: Command;
}

/** What conda or uvx starts is in an environment of which only Python in it can tell; beside conda itself are conda's own versions. */
async function askedWithin(through: readonly string[], { name, file, env, command }: Starter, asking: Asking): Promise<Installation> {
  asking.tell?.(`asking ${command.program} for the versions in ${name}'s environment`);
  const program = command.args[through.length - 1] ?? "";
  const args = [...through.slice(1), "python", "-c", askVersions, program, ...companions];
  const versions = versionsIn(await output({ program: file, args, env }, asking.place));
  // What does not say may be another tomorrow.
  const told = versions ?? { day: new Date().toISOString().slice(0, 10) };
  const { [program]: version, ...others } = versions ?? {};
  return {
    ...(version === undefined ? {} : { version }),
    ...(Object.keys(others).length === 0 ? {} : { beside: others }),
    identity: [...identityOf(file), JSON.stringify(told)],
  };
}

// In one line: conda refuses arguments of several.
const askVersions = [
  "import json, sys, importlib.metadata as m",
  'here = {str(d.metadata["Name"]).lower(): d.version for d in m.distributions()}',
  "print(json.dumps({name: here.get(name) for name in sys.argv[1:]}))",
].join("; ");

/** Those that are there; undefined where nobody answered. It is the last line: starters may have something to say before. */
function versionsIn(printed: string): Readonly<Record<string, string>> | undefined {
  try {
    const told: unknown = JSON.parse(printed.trim().split("\n").at(-1) ?? "");
    const entries = typeof told === "object" && told !== null ? Object.entries(told) : [];
    return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    return undefined;
  }
}

const companions = ["lmcache"];

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
    .map((name) => join(library, name, "site-packages"));
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

/** All that it prints. It is one of ours to end, like an engine. */
async function output(
  { program, args, env }: { program: string; args: readonly string[]; env: Readonly<Record<string, string>> },
  place: Place,
): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "tandem-flags-"));
  try {
    const stdout = join(directory, "stdout");
    // Wide lines, so that no entry is broken.
    const command = { program, args, env: { ...env, COLUMNS: "200" }, directory };
    const started = await place.start(command, { stdout, stderr: join(directory, "stderr") });
    await Promise.race([started.ended, pause(patienceMilliseconds, undefined, { ref: false })]);
    await started.end(1);
    return readFileSync(stdout, "utf8");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function memoryOf({ XDG_CACHE_HOME: cache }: NodeJS.ProcessEnv, identity: readonly string[]): string {
  const name = createHash("sha256").update(identity.join("\n")).digest("hex").slice(0, 16);
  return join(cache === undefined || cache === "" ? join(homedir(), ".cache") : cache, "tandem", "flags", `${name}.json`);
}

function recall(file: string): InstalledProgram | undefined {
  try {
    return parseInstalledProgram(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined; // never asked, or written by a hand that slipped: it is asked again
  }
}

function parseInstalledProgram(value: unknown): InstalledProgram | undefined {
  if (typeof value !== "object" || value === null || !("flags" in value) || !Array.isArray(value.flags)) return undefined;
  const flags = value.flags.filter((flag) => typeof flag === "string");
  return { ...("version" in value && typeof value.version === "string" ? { version: value.version } : {}), flags };
}

/** A home that cannot be written to only means that it is asked again. */
function remember(file: string, found: InstalledProgram): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(found)}\n`);
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    return;
  }
}
