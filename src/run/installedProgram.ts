import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { programFile } from "../host/thisMachine.ts";
import { engineEnvironment } from "../launch/environment.ts";
import { trialServiceSlot, trialSlot } from "../launch/neededServices.ts";
import type { Command, Engine, InstalledProgram, World } from "../model/engine.ts";
import type { Place } from "../model/running.ts";
import type { Services } from "../model/service.ts";
import { installationOf } from "./installationOf.ts";
import { listedFlags } from "./listedFlags.ts";

export interface Asking {
  readonly place: Place;
  readonly own?: NodeJS.ProcessEnv;
  /** Said before a program is asked, which may take half a minute. */
  readonly tell?: (message: string) => void;
}

/** What an engine's program says of itself: asked once for each installation, then remembered. Undefined where it is not here or does not say. */
export async function installedProgram(name: string, engine: Engine, world: World, asking: Asking): Promise<InstalledProgram | undefined> {
  const { launch } = engine;
  if (launch.kind !== "process" || launch.listsFlags === undefined) return undefined;
  const { listsFlags } = launch;
  return asked(name, { ...launch, listsFlags, command: launch.command(trialSlot({ engine, world }), world) }, asking);
}

/** Likewise of services, by the names they were given: of those whose programs are here and say. */
export async function servicePrograms(
  name: string,
  services: Services,
  asking: Asking,
): Promise<Readonly<Record<string, InstalledProgram>>> {
  const found: Record<string, InstalledProgram> = {};
  for (const [label, service] of Object.entries(services)) {
    const { launch } = service;
    if (launch.kind !== "process" || launch.listsFlags === undefined) continue;
    const { listsFlags } = launch;
    const program = await asked(name, { ...launch, listsFlags, command: launch.command(trialServiceSlot(service)) }, asking);
    if (program !== undefined) found[label] = program;
  }
  return found;
}

/** A program as it will be started, and how it lists its flags. */
interface Listing {
  readonly command: Command;
  readonly listsFlags: readonly (readonly string[])[];
  readonly through?: readonly string[];
  readonly package?: string;
}

async function asked(
  name: string,
  listing: Listing,
  { own = process.env, place, tell = () => {} }: Asking,
): Promise<InstalledProgram | undefined> {
  const { command, listsFlags } = listing;
  const { env } = engineEnvironment(own, command.env, { gpus: [] });
  const file = programFile(command.program, env["PATH"]);
  if (file === undefined) return undefined;
  const { through = [] } = command.program === listing.through?.[0] ? listing : {};
  if (through.length > 0) tell(`asking ${command.program} for the versions in ${name}'s environment`);
  const printed = async (args: readonly string[]) => (await output({ program: file, args, env }, place)).stdout;
  const { identity, version, beside } = await installationOf({ file, command, through, package: listing.package }, printed);
  const lists = listsFlags.map((args) => [...command.args.slice(0, through.length), ...args]);
  const memory = memoryOf(own, [...identity, ...lists.flat()]);
  const remembered = recall(memory);
  // Not remembered: what is beside it is installed and replaced by itself.
  const besides = beside === undefined ? {} : { beside };
  if (remembered !== undefined) return { ...remembered, ...besides };
  if (silent.has(memory)) return undefined;
  tell(`asking ${name}'s ${command.program} for its flags; once for each installation`);
  for (const args of lists) {
    const flags = flagsPrinted(await output({ program: file, args, env }, place));
    if (flags.length === 0) continue;
    const found = { ...(version === undefined ? {} : { version }), flags };
    remember(memory, found);
    return { ...found, ...besides };
  }
  silent.add(memory);
  return undefined;
}

/** Some print their help where others print their complaints. */
function flagsPrinted({ stdout, stderr }: Output): readonly string[] {
  // A complaint about the arguments names one or two flags as well.
  return [stdout, stderr].map(listedFlags).find((flags) => flags.length >= fewest) ?? [];
}

/** Those that did not say, and are not asked again by this process: it may take minutes each time. */
const silent = new Set<string>();

const fewest = 15;
const patienceMilliseconds = 120_000;

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

// Wide lines, so that no entry is broken. Some count as wide only what is high as well, or write colours into files where they are told to.
const readable = { COLUMNS: "200", LINES: "50", NO_COLOR: "1" };

/** All that it prints. It is one of ours to end, like an engine. */
async function output(
  { program, args, env }: { program: string; args: readonly string[]; env: Readonly<Record<string, string>> },
  place: Place,
): Promise<Output> {
  const directory = mkdtempSync(join(tmpdir(), "tandem-flags-"));
  try {
    const [stdout, stderr] = [join(directory, "stdout"), join(directory, "stderr")];
    const command = { program, args, env: { ...env, ...readable }, directory };
    const started = await place.start(command, { stdout, stderr });
    await Promise.race([started.ended, pause(patienceMilliseconds, undefined, { ref: false })]);
    await started.end(1);
    return { stdout: readFileSync(stdout, "utf8"), stderr: readFileSync(stderr, "utf8") };
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
