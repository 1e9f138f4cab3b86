import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { programFile } from "../host/thisMachine.ts";
import { engineEnvironment } from "../launch/environment.ts";
import type { Output } from "../launch/imageOutput.ts";
import { trialServiceSlot, trialSlot } from "../launch/neededServices.ts";
import type { Command, Engine, InstalledProgram, World } from "../model/engine.ts";
import type { Place } from "../model/running.ts";
import type { Services } from "../model/service.ts";
import { isContained, isStarted } from "../model/startedLaunch.ts";
import { installationOf } from "./installationOf.ts";
import { installedInImage } from "./installedInImage.ts";
import { flagsPrinted, patience, readable } from "./listedFlags.ts";
import { memoryOf, recall, remember, silent } from "./rememberedFlags.ts";

export interface Asking {
  readonly place: Place;
  readonly own?: NodeJS.ProcessEnv;
  /** Said before a program is asked, which may take half a minute. */
  readonly tell?: (message: string) => void;
}

/** What an engine's program says of itself: asked once for each installation, then remembered. Undefined where it is not here or does not say. */
export async function installedProgram(name: string, engine: Engine, world: World, asking: Asking): Promise<InstalledProgram | undefined> {
  const { launch } = engine;
  if (!isStarted(launch) || launch.listsFlags === undefined) return undefined;
  const { listsFlags } = launch;
  const command = launch.command(trialSlot({ engine, world }), world);
  if (!isContained(launch)) return asked(name, { ...launch, listsFlags, command }, asking);
  const { own = process.env, tell = () => {} } = asking;
  // An image that starts its program by itself holds no package of that name.
  const inPackage = launch.package ?? (command.program === "" ? undefined : command.program);
  const listing = { engine: name, image: launch.image, listsFlags, command, ...(inPackage === undefined ? {} : { package: inPackage }) };
  return installedInImage(listing, { own, tell });
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
    await Promise.race([started.ended, pause(patience * 1_000, undefined, { ref: false })]);
    await started.end(1);
    return { stdout: readFileSync(stdout, "utf8"), stderr: readFileSync(stderr, "utf8") };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
