import { resolve } from "node:path";

import { isHeldBy } from "../host/listeningSockets.ts";
import type { Command, Engine, Launch, Slot, World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Launcher, LaunchOrder, Place, ProcessInfo, RunningEngine } from "../model/running.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import type { Server } from "./ask.ts";
import { commandLine } from "./commandLine.ts";
import { adviceFor, fullyLogged, inWords, messageOf, pidsOf, start, type HowEnded, type Started } from "./container.ts";
import { isStatus, removeContainer, sweepContainers } from "./containerMarks.ts";
import { dockerRun, type ContainerOrder } from "./containerOrder.ts";
import { dockerDaemon, type DockerDaemon } from "./dockerDaemon.ts";
import { EngineLogs } from "./engineLogs.ts";
import { containerEnvironment } from "./environment.ts";
import { hasImage, noImage, notYetHere, pull } from "./image.ts";
import { missingVolumes } from "./missingVolumes.ts";
import { adviceOnWaiting, portGivenBack, portTaken, strangersOn } from "./port.ts";
import type { Standing } from "./readiness.ts";
import { secretsIn } from "./secrets.ts";
import { writeFiles } from "./slotFiles.ts";
import { tooFewGpus } from "./tooFewGpus.ts";
import { untilProven } from "./untilProven.ts";
import { whyStopped } from "./whyStopped.ts";

/** Starts an engine in a container of its own on this machine's Docker daemon, and proves that it is the one that answers. */
export function dockerLauncher(place: Place, own: NodeJS.ProcessEnv = process.env): Launcher {
  return {
    kind: "docker",
    // As `docker run` would be given it; a relative path would be the name of a volume.
    started: ({ engine, slot, world }) => dockerRun(orderOf(launchOf(engine), { ...slot, directory: resolve(slot.directory) }, world, own)),
    prepare: async ({ name, engine, tell, looksOnly = false }) => {
      const { image, container } = launchOf(engine);
      const { docker } = await dockerDaemon(own);
      const missing = await missingVolumes(name, container.volumes ?? []);
      if (missing !== undefined) throw missing;
      if (await hasImage(docker, image)) return;
      if (looksOnly) throw await notYetHere(docker, image, name);
      tell({ kind: "booting", engine: name, command: `docker pull ${image}` });
      await pull(docker, image, name);
    },
    launch: async (order) => {
      const boot = await prepared(order, place, own);
      await refuseWhatCannotWork(boot);
      await writeFiles(boot.directory, boot.command);
      await sweep(boot);
      order.tell({ kind: "booting", engine: order.name, command: boot.commandLine, log: boot.logs.stdout });
      const from = order.clock.now();
      const started = await start({ ...boot, name: order.name });
      const proof = await provenOrEnded(boot, started);
      const after = toSeconds(order.clock.now() - from);
      const facts = { ...proof.facts, ...(await factsOf(boot, started)), "boot time": `${after.toFixed(1)} s` };
      order.tell({ kind: "ready", engine: order.name, after, url: boot.server.url, facts });
      const pids = await pidsOf(started.container);
      return running(boot, started, { facts, servedModel: proof.servedModel, neighbours: () => pids });
    },
  };
}

type DockerLaunch = Extract<Launch, { kind: "docker" }>;

function launchOf({ launch }: Engine): DockerLaunch {
  if (launch.kind !== "docker") throw new TypeError(`the docker launcher was given an engine of kind ${launch.kind}`);
  return launch;
}

function orderOf({ image, command: commandIn, container }: DockerLaunch, slot: Slot, world: World, own: NodeJS.ProcessEnv): ContainerOrder {
  const command = commandIn(slot, world);
  return { image, command, env: containerEnvironment(own, command.env), container, slot };
}

/** Everything that is known of a start before it happens. */
interface Boot {
  readonly order: LaunchOrder;
  readonly place: Place;
  readonly launch: DockerLaunch;
  readonly daemon: DockerDaemon;
  readonly container: ContainerOrder;
  readonly command: Command;
  /** As people may see it. */
  readonly commandLine: string;
  readonly directory: string;
  readonly server: Server;
  readonly logs: EngineLogs;
}

type Proof = Extract<Standing, { kind: "proven" }>;

async function prepared(order: LaunchOrder, place: Place, own: NodeJS.ProcessEnv): Promise<Boot> {
  const { wire } = order.engine;
  const launch = launchOf(order.engine);
  const directory = resolve(order.slot.directory);
  const container = orderOf(launch, { ...order.slot, directory }, order.world, own);
  const { command, env } = container;
  const secrets = secretsIn(env, command.args, wire.apiKey);
  const url = `http://127.0.0.1:${order.slot.port}`;
  return {
    order,
    place,
    launch,
    container,
    command,
    directory,
    daemon: await dockerDaemon(own),
    commandLine: commandLine(dockerRun(container), secrets),
    server: { url, acceptAnyCertificate: false, ...(wire.apiKey === undefined ? {} : { apiKey: wire.apiKey }) },
    logs: new EngineLogs(resolve(order.logDirectory), secrets),
  };
}

async function refuseWhatCannotWork({ order, place, daemon, launch }: Boot): Promise<void> {
  const { name, engine, slot } = order;
  const { gpus = 0 } = engine;
  if (!(await hasImage(daemon.docker, launch.image))) throw noImage(name, launch.image);
  if (slot.gpus.length < gpus) throw tooFewGpus(name, gpus, (await place.gpus()).length);
  const taken = await place.listeners(slot.port);
  if (taken.length > 0) throw portTaken(name, slot.port, taken);
}

async function sweep({ daemon, order }: Boot): Promise<void> {
  const swept = await sweepContainers(daemon.docker);
  if (swept.length === 0) return;
  order.tell({ kind: "warning", message: `removed containers that a killed run had left: ${swept.join(", ")}` });
}

/** Whatever stands in the way of a proof, no container is left behind. */
async function provenOrEnded(boot: Boot, started: Started): Promise<Proof> {
  const over = new AbortController();
  try {
    return await Promise.race([proven(boot, started, over.signal), exited(boot, started, over.signal), interrupted(boot, over.signal)]);
  } catch (error) {
    over.abort();
    const { tell, name } = boot.order;
    // At once: to end a container, and to remove it, takes the daemon a while.
    if (error instanceof HarnessError) tell({ kind: "notUp", engine: name, message: error.message });
    await end(boot, started, 1);
    throw error;
  } finally {
    over.abort();
  }
}

async function proven(boot: Boot, started: Started, signal: AbortSignal): Promise<Proof> {
  const { order, server, launch } = boot;
  const isOurs = async () => hasThePort(boot, started);
  const found = await untilProven({ order, server, ready: launch.ready, isOurs, foreign: "not in its container", signal });
  if (found.kind === "proven") return found;
  throw found.kind === "never" ? wrong(boot, found) : await notReady(boot, started, found.waitingFor);
}

/** On a network of its own the daemon has published the port. Else its processes have it; those of another user show no more than that somebody listens. */
async function hasThePort({ order, place, launch }: Boot, { container }: Started): Promise<boolean> {
  if (isOnOwnNetwork(launch)) return true;
  const pids = await pidsOf(container);
  if (isHeldBy(pids, order.slot.port)) return true;
  const listeners = await place.listeners(order.slot.port);
  const strangers = outside(pids, listeners);
  if (strangers.length > 0) throw portTaken(order.name, order.slot.port, strangers);
  return pids.length > 0 && listeners.some(({ pid }) => pid === undefined);
}

function isOnOwnNetwork({ container }: DockerLaunch): boolean {
  return (container.network ?? "host") !== "host";
}

function outside(pids: readonly number[], listeners: readonly ProcessInfo[]): readonly ProcessInfo[] {
  return listeners.filter(({ pid }) => pid !== undefined && !pids.includes(pid));
}

/** Where the daemon has published the port, nobody else can have it. */
function strangersBeside({ order: { slot }, place, launch }: Boot, { container }: Started): Pick<RunningEngine, "strangers"> {
  if (isOnOwnNetwork(launch)) return {};
  return { strangers: strangersOn(slot.port, async () => outside(await pidsOf(container), await place.listeners(slot.port))) };
}

async function exited(boot: Boot, started: Started, over: AbortSignal): Promise<never> {
  const how = await started.ended;
  over.throwIfAborted();
  await fullyLogged(started);
  const message = [`engine ${boot.order.name} ${inWords(how)} before it was ready`, ...circumstances(boot)].join("\n");
  throw new HarnessError("engine-exited", message, { hint: adviceFor(how) ?? boot.logs.knownCause() ?? lookAtTheLogs });
}

async function interrupted({ order }: Boot, over: AbortSignal): Promise<never> {
  const signal = AbortSignal.any([order.signal, over]);
  if (!signal.aborted) await new Promise<void>((onAbort) => signal.addEventListener("abort", () => onAbort(), { once: true }));
  throw new HarnessError("engine-not-ready", `engine ${order.name} was ended while it booted: ${whyStopped(order.signal)}`);
}

async function notReady(boot: Boot, { container }: Started, waitingFor: string): Promise<HarnessError> {
  const { order, place, launch, logs } = boot;
  const isNobody = (await place.listeners(order.slot.port)).length === 0;
  const message = `engine ${order.name} was not ready within ${launch.ready.within} s: ${waitingFor}`;
  return new HarnessError("engine-not-ready", [message, ...circumstances(boot)].join("\n"), {
    hint: logs.knownCause() ?? adviceOnWaiting(launch.ready.within, isNobody ? await pidsOf(container) : []),
  });
}

function wrong(boot: Boot, { why, hint }: Extract<Standing, { kind: "never" }>): HarnessError {
  const message = `engine ${boot.order.name} is up, but ${why}`;
  return new HarnessError("engine-not-ready", [message, ...circumstances(boot)].join("\n"), { hint });
}

function circumstances({ commandLine, logs }: Boot): readonly string[] {
  return logs.circumstances(commandLine);
}

async function factsOf({ daemon, launch }: Boot, { container }: Started): Promise<Readonly<Record<string, string>>> {
  const { Id: id } = await daemon.docker.getImage(launch.image).inspect();
  return { image: launch.image, "image id": id, container: container.id.slice(0, 12) };
}

function running(boot: Boot, started: Started, proof: Pick<RunningEngine, "facts" | "servedModel" | "neighbours">): RunningEngine {
  const { order, place, server, logs } = boot;
  let disposed = false;
  const died = new Promise<string>((onDeath) => {
    const tell = async (how: HowEnded) => {
      if (disposed) return;
      await fullyLogged(started);
      const advice = adviceFor(how);
      onDeath([`${order.name} ${inWords(how)}`, ...(advice === undefined ? [] : [`  ${advice}`]), ...circumstances(boot)].join("\n"));
      await end(boot, started, 1);
    };
    void started.ended.then(tell);
  });
  return {
    ...proof,
    name: order.name,
    engine: order.engine,
    reach: { kind: "http", url: server.url, acceptAnyCertificate: false },
    logs: [logs.stdout, logs.stderr],
    ...strangersBeside(boot, started),
    died,
    [Symbol.asyncDispose]: async () => {
      if (disposed) return;
      disposed = true;
      const from = order.clock.now();
      await end(boot, started, 10);
      await portGivenBack(place, order);
      order.tell({ kind: "gone", engine: order.name, after: toSeconds(order.clock.now() - from) });
    },
  };
}

/** Stopped with time to tidy up, killed after it, removed; its log files are complete then. One that cannot be removed is a warning. */
async function end({ daemon, order, logs }: Boot, started: Started, grace: Seconds): Promise<void> {
  const { container } = started;
  try {
    await container.stop({ t: grace }).catch((error: unknown) => {
      if (!isStatus(error, 304, 404)) throw error; // 304: it has ended by itself
    });
    await fullyLogged(started);
    await removeContainer(daemon.docker, container.id);
  } catch (error) {
    const by = `docker rm --force ${container.id.slice(0, 12)}`;
    order.tell({ kind: "warning", message: `the container of engine ${order.name} could not be removed (${messageOf(error)}): ${by}` });
  }
  await logs.withoutSecrets();
}

const lookAtTheLogs = "the last lines of its logs say why; to try it alone, run the command above in a shell";
