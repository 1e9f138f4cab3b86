import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import type { Command, Engine, Launch } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Launcher, LaunchOrder, Place, ProcessInfo, RunningEngine, StartedProcess } from "../model/running.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import type { Server } from "./ask.ts";
import { cannotStart } from "./cannotStart.ts";
import { commandLine } from "./commandLine.ts";
import { engineEnvironment } from "./environment.ts";
import { EngineLogs } from "./engineLogs.ts";
import { adviceFor, endedHow } from "./howEnded.ts";
import { leftInBackground, strangersAmong, toldOf } from "./inBackground.ts";
import { trialSlot } from "./neededServices.ts";
import { adviceOnWaiting, portGivenBack, portTaken, strangersOn } from "./port.ts";
import type { Standing } from "./readiness.ts";
import { secretsIn } from "./secrets.ts";
import { discardFiles, writeFiles } from "./slotFiles.ts";
import { tooFewGpus } from "./tooFewGpus.ts";
import { untilProven } from "./untilProven.ts";
import { whyStopped } from "./whyStopped.ts";

/** Starts an engine as a program of its own, with ours as its parent, and proves that it is the one that answers. */
export function processLauncher(place: Place, own: NodeJS.ProcessEnv = process.env): Launcher {
  return {
    kind: "process",
    started: ({ engine, slot, world }) => launchOf(engine).command(slot, world),
    prepare: async ({ name, engine, world }) => {
      const launch = launchOf(engine);
      const command = launch.command(trialSlot({ engine, world }), world);
      const { env } = engineEnvironment(own, command.env, { gpus: [] });
      if (!(await place.has(command.program, env))) throw missing(name, command, launch.missing);
    },
    launch: async (order) => {
      const boot = await prepared(order, place, own);
      await refuseWhatCannotWork(boot);
      await writeFiles(boot.directory, boot.command);
      order.tell({ kind: "booting", engine: order.name, command: boot.commandLine, log: boot.logs.stdout });
      const from = order.clock.now();
      const started = await start(boot);
      const proof = await provenOrEnded(boot, started);
      const after = toSeconds(order.clock.now() - from);
      const facts = { ...proof.facts, "process id": String(started.pid), "boot time": `${after.toFixed(1)} s` };
      order.tell({ kind: "ready", engine: order.name, after, url: boot.server.url, facts });
      return running(boot, started, { facts, servedModel: proof.servedModel });
    },
  };
}

type ProcessLaunch = Extract<Launch, { kind: "process" }>;

function launchOf({ launch }: Engine): ProcessLaunch {
  if (launch.kind !== "process") throw new TypeError(`the process launcher was given an engine of kind ${launch.kind}`);
  return launch;
}

/** Everything that is known of a start before it happens. */
interface Boot {
  readonly order: LaunchOrder;
  readonly place: Place;
  readonly launch: ProcessLaunch;
  readonly command: Command;
  /** As people may see it. */
  readonly commandLine: string;
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly server: Server;
  readonly logs: EngineLogs;
  readonly oomKillsBefore: number | undefined;
}

type Proof = Extract<Standing, { kind: "proven" }>;

async function prepared(order: LaunchOrder, place: Place, own: NodeJS.ProcessEnv): Promise<Boot> {
  const { wire } = order.engine;
  const launch = launchOf(order.engine);
  // The engine works in its directory, so a path from ours would lead nowhere.
  const directory = resolve(order.slot.directory);
  const command = launch.command({ ...order.slot, directory }, order.world);
  const { env } = engineEnvironment(own, command.env, order.slot);
  const secrets = secretsIn(env, command.args, wire.apiKey);
  const logs = new EngineLogs(resolve(order.logDirectory), secrets);
  const url = `http://127.0.0.1:${order.slot.port}`;
  const server = { url, acceptAnyCertificate: false, ...(wire.apiKey === undefined ? {} : { apiKey: wire.apiKey }) };
  return {
    order,
    place,
    launch,
    command,
    commandLine: commandLine(command, secrets),
    env,
    directory,
    server,
    logs,
    oomKillsBefore: place.oomKills?.(),
  };
}

async function refuseWhatCannotWork({ order, place, launch, command, env }: Boot): Promise<void> {
  const { name, engine, slot } = order;
  const { gpus = 0 } = engine;
  if (!(await place.has(command.program, env))) throw missing(name, command, launch.missing);
  if (slot.gpus.length < gpus) throw tooFewGpus(name, gpus, (await place.gpus()).length);
  const taken = await place.listeners(slot.port);
  if (taken.length > 0) throw portTaken(name, slot.port, taken);
}

function missing(name: string, { program }: Command, hint: string): HarnessError {
  return new HarnessError("engine-missing", `engine ${name} needs the program ${program}, and it is not here`, { hint });
}

async function start({ order, place, command, env, directory, logs }: Boot): Promise<StartedProcess> {
  const { program, args } = command;
  try {
    return await place.start({ program, args, env, directory }, logs);
  } catch (cause) {
    throw cannotStart(`engine ${order.name}`, { program, directory }, cause);
  }
}

/** Whatever stands in the way of a proof, nobody of its tree is left behind. */
async function provenOrEnded(boot: Boot, started: StartedProcess): Promise<Proof> {
  const over = new AbortController();
  let hasEnded = false;
  void started.ended.then(() => (hasEnded = true));
  const exit = exited(boot, started, over.signal);
  // What it has left in the background may answer.
  const up = proven(boot, started, over.signal).then((proof) => (hasEnded ? exit : proof));
  try {
    return await Promise.race([up, exit, interrupted(boot, over.signal)]);
  } catch (error) {
    over.abort();
    const { tell, name } = boot.order;
    // At once: ending a tree that holds gigabytes takes a while.
    if (error instanceof HarnessError) tell({ kind: "notUp", engine: name, message: error.message });
    // Workers of an engine that is gone have nothing to tidy up for.
    await endTree(boot, started, hasEnded ? 0 : 1);
    throw error;
  } finally {
    over.abort();
  }
}

async function proven(boot: Boot, started: StartedProcess, signal: AbortSignal): Promise<Proof> {
  const { order, server, launch } = boot;
  const isOurs = async () => hasThePort(boot, started);
  const look = () => void started.pids?.();
  const found = await untilProven({ order, server, ready: launch.ready, look, isOurs, foreign: "not of its process tree", signal });
  if (found.kind === "proven") return found;
  throw found.kind === "never" ? wrong(boot, found) : await notReady(boot, started, found.waitingFor);
}

/** Strangers are looked for twice before it says so: between looking for who listens and for whom we started, ours may just have begun. */
async function hasThePort(boot: Boot, started: StartedProcess): Promise<boolean> {
  const { order, place } = boot;
  if (await place.owns(started, order.slot.port)) return true;
  if ((await strangersBeside(boot, started)).length === 0) return false;
  await pause(50);
  const strangers = await strangersBeside(boot, started);
  if (strangers.length > 0) throw portTaken(order.name, order.slot.port, strangers);
  return false;
}

/** Who has the port while our tree has it not, or not alone. */
async function strangersBeside({ place, order }: Boot, started: StartedProcess): Promise<readonly ProcessInfo[]> {
  if (await place.owns(started, order.slot.port)) return [];
  return strangersAmong(await place.listeners(order.slot.port), started);
}

async function exited(boot: Boot, started: StartedProcess, over: AbortSignal): Promise<never> {
  const how = await started.ended;
  over.throwIfAborted();
  const { order, place, logs } = boot;
  const left = await leftInBackground(place, [order.slot.port], how);
  const strangers = left.length > 0 ? [] : await strangersBeside(boot, started);
  if (strangers.length > 0) throw portTaken(order.name, order.slot.port, strangers);
  const { besides, hint } = toldOf(left, started);
  const what = `engine ${order.name} ${endedHow(how)} before it was ready${wantOfMemory(boot)}${besides}`;
  throw new HarnessError("engine-exited", [what, ...circumstances(boot)].join("\n"), {
    hint: logs.knownCause() ?? hint ?? adviceFor(how, logs),
  });
}

async function interrupted({ order }: Boot, over: AbortSignal): Promise<never> {
  await aborted(AbortSignal.any([order.signal, over]));
  throw new HarnessError("engine-not-ready", `engine ${order.name} was ended while it booted: ${whyStopped(order.signal)}`);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((onAbort) => signal.addEventListener("abort", () => onAbort(), { once: true }));
}

async function notReady(boot: Boot, started: StartedProcess, waitingFor: string): Promise<HarnessError> {
  const { order, place, launch, logs } = boot;
  const isNobody = (await place.listeners(order.slot.port)).length === 0;
  const message = `engine ${order.name} was not ready within ${launch.ready.within} s: ${waitingFor}`;
  return new HarnessError("engine-not-ready", [message, ...circumstances(boot)].join("\n"), {
    hint: logs.knownCause() ?? adviceOnWaiting(launch.ready.within, isNobody ? (started.pids?.() ?? []) : []),
  });
}

function wrong(boot: Boot, { why, hint }: Extract<Standing, { kind: "never" }>): HarnessError {
  const message = `engine ${boot.order.name} is up, but ${why}`;
  return new HarnessError("engine-not-ready", [message, ...circumstances(boot)].join("\n"), { hint });
}

function circumstances({ commandLine, logs }: Boot): readonly string[] {
  return logs.circumstances(commandLine);
}

function running(boot: Boot, started: StartedProcess, proof: Pick<RunningEngine, "facts" | "servedModel">): RunningEngine {
  const { order, place, server } = boot;
  // What it complained of while it booted has not ended it.
  const whenReady = boot.logs.sizes();
  let disposed = false;
  const died = new Promise<string>((onDeath) => {
    void started.ended.then(async (how) => {
      const left = await leftInBackground(place, [order.slot.port], how, { within: 0 });
      if (disposed) return;
      const { besides, hint } = toldOf(left, started);
      const cause = boot.logs.knownCause(whenReady);
      const told = [
        `${order.name} ${endedHow(how)}${wantOfMemory(boot)}${besides}`,
        ...(cause === undefined ? [] : [`  probably: ${cause}`]),
        ...(hint === undefined ? [] : [`  ${hint}`]),
      ];
      onDeath([...told, ...circumstances(boot)].join("\n"));
      // Its workers may go on without it, and would keep the GPU's memory.
      return endTree(boot, started, 2);
    });
  });
  return {
    ...proof,
    name: order.name,
    engine: order.engine,
    reach: { kind: "http", url: server.url, acceptAnyCertificate: false },
    logs: [boot.logs.stdout, boot.logs.stderr],
    pids: () => started.pids?.() ?? [started.pid],
    strangers: strangersOn(order.slot.port, async () => strangersBeside(boot, started)),
    died,
    [Symbol.asyncDispose]: async () => {
      if (disposed) return;
      disposed = true;
      const from = order.clock.now();
      await endTree(boot, started, 10);
      await discardFiles(boot.directory, boot.command);
      await portGivenBack(place, order);
      order.tell({ kind: "gone", engine: order.name, after: toSeconds(order.clock.now() - from) });
    },
  };
}

/** A worker that was killed takes its engine with it, whose own exit status then says nothing. */
function wantOfMemory({ place, oomKillsBefore }: Boot): string {
  const now = place.oomKills?.();
  if (now === undefined || oomKillsBefore === undefined || now <= oomKillsBefore) return "";
  return ", out of memory: the kernel killed a process at the memory limit";
}

/** One that cannot be killed is a warning: the others still have to be ended, and results written. */
async function endTree({ order, logs }: Boot, started: StartedProcess, grace: Seconds): Promise<void> {
  try {
    await started.end(grace);
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    order.tell({ kind: "warning", message: `engine ${order.name}: ${error.message}; ${error.hint ?? ""}` });
  }
  await logs.withoutSecrets();
}
