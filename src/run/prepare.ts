import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";

import { refuseUnfit } from "../launch/attached.ts";
import { cacheRoomLacking, refuseNoRoom } from "../launch/cacheRoom.ts";
import { gpuMemoryLacking, type Lacking } from "../launch/gpuMemory.ts";
import { neededServices, slotServices, trialSlot } from "../launch/neededServices.ts";
import { portTaken } from "../launch/port.ts";
import { masks } from "../launch/secrets.ts";
import { refusalOf } from "../launch/services.ts";
import { tooFewGpus } from "../launch/tooFewGpus.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { BlockedTest } from "../model/result.ts";
import type { Place } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import { isContained, isStarted } from "../model/startedLaunch.ts";
import { refuseTooLong } from "./contextLimit.ts";
import { installedProgram } from "./installedProgram.ts";
import { launchers } from "./launchers.ts";
import { refuseUnknownGpus } from "./namedGpus.ts";
import { nearestPath } from "./nearestPath.ts";
import type { PlannedExperiment } from "./planExperiments.ts";
import type { PlannedEngine, PlannedEngines } from "./planEngines.ts";

export interface Preparing {
  readonly place: Place;
  readonly tell: (event: RunEvent) => void;
  /** Nothing is fetched, however long it would take later. */
  readonly looksOnly?: boolean;
  /** Servers that are up already are connected to; unless said they are left alone. */
  readonly connects?: boolean;
}

/** Before anything of a test boots: fetches what takes long, and tells together whatever is known to fail. */
export async function prepare(engines: readonly PlannedEngine[], place: Place, tell: (event: RunEvent) => void): Promise<void> {
  const found = await obstacles(engines, { place, tell });
  const [first, ...others] = found;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const lines = found.map(linesOf);
  throw new HarnessError(first.code, `${found.length} engines or services cannot be started`, { hint: [...new Set(lines)].join("\n") });
}

/** Tests of which it is known that they cannot start here, each with everything that is in its way. */
export interface Blocked {
  readonly test: string;
  readonly obstacles: readonly HarnessError[];
}

type Looked = Pick<PlannedEngines, "engines"> &
  Partial<Pick<PlannedEngines, "mistaken">> & { readonly name: string; readonly experiments?: readonly PlannedExperiment[] };

export async function blockedOf(tests: readonly Looked[], preparing: Preparing): Promise<readonly Blocked[]> {
  const blocked: Blocked[] = [];
  for (const { name, engines, mistaken = [], experiments = [] } of tests) {
    const found = [...(await obstacles(engines, preparing, experiments)), ...mistaken.flatMap(missingModel)];
    if (found.length > 0) blocked.push({ test: name, obstacles: found });
  }
  return blocked;
}

/** What may be over by the time it starts, and keeps nobody from booting, each once: GPUs, memory or disks with less room than their engines are to take. Results would go to `output`. */
export async function lackingNow(
  tests: readonly { readonly engines: readonly PlannedEngine[] }[],
  place: Place,
  output: string,
): Promise<readonly string[]> {
  const lacking = await Promise.all(tests.map(async ({ engines }) => lackingOf(engines, place)));
  const ofGpus = lacking.flat().flatMap(({ message, stopped }) => (stopped.length === 0 ? [message] : []));
  const ofCaches = await Promise.all(
    tests.flatMap(({ engines }) => batchesOf(engines)).map(async (batch) => cacheRoomLacking(batch, output)),
  );
  return [...new Set([...ofGpus, ...ofCaches.flat()])];
}

async function lackingOf(engines: readonly PlannedEngine[], place: Place): Promise<readonly Lacking[]> {
  return (await Promise.all(batchesOf(engines).map(async (batch) => gpuMemoryLacking(batch, place)))).flat();
}

function batchesOf(engines: readonly PlannedEngine[]): readonly (readonly PlannedEngine[])[] {
  return [...Map.groupBy(engines, ({ batch }) => batch).values()];
}

/** GPUs on which an engine will not boot while somebody holds their memory. */
async function heldMemory(engines: readonly PlannedEngine[], place: Place): Promise<readonly HarnessError[]> {
  if (engines.every(({ engine }) => engine.needsItsShare !== true)) return [];
  const held = (await lackingOf(engines, place)).filter(({ stopped }) => stopped.length > 0);
  return held.map(({ message, stopped }) => {
    const hint = "end what holds it, name other GPUs with --gpus, or take less: gpuMemoryUtilization";
    return new HarnessError("engine-not-ready", `engine ${stopped.join(" and ")} cannot boot: ${message}`, { hint });
  });
}

/** As one error: each obstacle once, with the tests that it stops, and what to do once for all that need the same. */
export function blockedTogether(blocked: readonly Blocked[]): HarnessError {
  const each = blocked.flatMap(({ test, obstacles }) => obstacles.map((error) => ({ test, error })));
  const byHint = [...Map.groupBy(each, ({ error }) => error.hint)];
  const lines = byHint.flatMap(([hint, same]) => [...messagesOf(same), ...(hint === undefined ? [] : [indented(hint)])]);
  const first = each.find(({ error }) => error.exitCode === 2) ?? each[0];
  const tests = blocked.length === 1 ? "1 test cannot be run here" : `${blocked.length} tests cannot be run here`;
  return new HarnessError(first?.error.code ?? "usage", tests, { hint: lines.join("\n") });
}

/** As a run remembers it. */
export function rememberedBlocked({ test, obstacles }: Blocked): Omit<BlockedTest, "simulated"> {
  const why = [...new Set(obstacles.map(linesOf))].join("\n");
  return { test, why: masks(why), exitCode: blockedTogether([{ test, obstacles }]).exitCode };
}

function messagesOf(each: readonly { readonly test: string; readonly error: HarnessError }[]): readonly string[] {
  const alike = Map.groupBy(each, ({ error }) => error.message);
  return [...alike].map(([message, same]) => `${[...new Set(same.map(({ test }) => test))].join(", ")}: ${message}`);
}

function linesOf({ message, hint }: HarnessError): string {
  return [message, ...(hint === undefined ? [] : [indented(hint)])].join("\n");
}

function indented(text: string): string {
  return `  ${text.replaceAll("\n", "\n  ")}`;
}

async function obstacles(
  engines: readonly PlannedEngine[],
  preparing: Preparing,
  experiments: readonly PlannedExperiment[] = [],
): Promise<readonly HarnessError[]> {
  const found = await Promise.all(engines.map(async (engine) => obstaclesOf(engine, preparing, experiments)));
  return [...found.flat(), ...(await heldMemory(engines, preparing.place)), ...(await refusedServices(engines, preparing.place))];
}

async function obstaclesOf(
  planned: PlannedEngine,
  { place, connects = false, ...how }: Preparing,
  experiments: readonly PlannedExperiment[],
): Promise<readonly HarnessError[]> {
  const { name, engine, world } = planned;
  const looks = [
    async () => refuseGpus(planned, place),
    async () => refuseTakenPort(planned, place),
    async () => refuseNoRoom(planned),
    async () => launchers(place)[engine.launch.kind].prepare?.({ name, engine, world, ...how }),
    async () => refuseUnknownFlags(planned, place),
    async () => (connects ? refuseTooLong(name, await refuseUnfit(name, engine, { tell: how.tell }), experiments) : undefined),
  ];
  const found = [...missingModel(planned)];
  for (const look of looks) {
    try {
      await look();
    } catch (error) {
      if (!(error instanceof HarnessError)) throw error;
      found.push(error);
    }
  }
  return found;
}

/** Of an image that came after the plan: what it does not know could not be told then. */
async function refuseUnknownFlags({ name, engine, world }: PlannedEngine, place: Place): Promise<void> {
  if (!isContained(engine.launch) || world.program !== undefined) return;
  const program = await installedProgram(name, engine, world, { place });
  if (program !== undefined) engine.launch.command(trialSlot({ engine, world }), { ...world, program });
}

async function refusedServices(engines: readonly PlannedEngine[], place: Place): Promise<readonly HarnessError[]> {
  const services = await slotServices(neededServices(engines), { freePort: async () => 1, directory: () => "/" });
  const refusals = await Promise.all(services.map(async (service) => refusalOf(service, { place })));
  return refusals.filter((refusal) => refusal !== undefined);
}

function missingModel({ name, engine: { model, launch } }: Pick<PlannedEngine, "name" | "engine">): readonly HarnessError[] {
  if (!isStarted(launch) || !isAbsolute(model) || existsSync(model)) return [];
  const meant = nearestPath(model);
  const hint =
    meant === undefined ? "look at the path, or give the model's name on its hub: -m ORGANISATION/NAME" : `did you mean ${meant}?`;
  return [new HarnessError("engine-missing", `engine ${name}: there is no model at ${model}`, { hint })];
}

/** A port that was asked for with -p; one that nobody asked for is chosen among the free ones. */
async function refuseTakenPort({ name, port }: PlannedEngine, place: Place): Promise<void> {
  const taken = port === undefined ? [] : await place.listeners(port);
  if (port !== undefined && taken.length > 0) throw portTaken(name, port, taken);
}

/** Where a machine does not tell its GPUs, those that were named are believed. */
async function refuseGpus({ name, engine, gpus }: PlannedEngine, place: Place): Promise<void> {
  const { gpus: wanted = 0 } = engine;
  if (wanted === 0) return;
  const here = await place.gpus();
  if (gpus.length < wanted) throw tooFewGpus(name, wanted, here.length);
  if (here.length > 0) refuseUnknownGpus(name, gpus, here);
}
