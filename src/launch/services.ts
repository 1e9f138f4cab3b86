import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { HarnessError } from "../model/harnessError.ts";
import type { Clock } from "../model/host.ts";
import type { Place, StartedProcess } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { ServiceAddress, ServiceLaunch } from "../model/service.ts";
import { toSeconds, type Seconds } from "../model/time.ts";
import { isListening } from "./ask.ts";
import { cannotStart } from "./cannotStart.ts";
import { commandLine } from "./commandLine.ts";
import { EngineLogs } from "./engineLogs.ts";
import { engineEnvironment } from "./environment.ts";
import { adviceFor, endedHow } from "./howEnded.ts";
import { leftInBackground, toldOf } from "./inBackground.ts";
import { addressOf, type SlottedService } from "./neededServices.ts";
import { maskedArguments, secretsIn } from "./secrets.ts";
import { missingOf } from "./serviceCheck.ts";
import { discardFiles, writeFiles } from "./slotFiles.ts";
import { whyStopped } from "./whyStopped.ts";

export interface ServicesOrder {
  readonly place: Place;
  readonly clock: Clock;
  readonly tell: (event: RunEvent) => void;
  readonly signal: AbortSignal;
  /** stdout.log and stderr.log of a service go there and stay. */
  readonly logDirectory: (name: string) => string;
  /** Our own environment unless said. */
  readonly own?: NodeJS.ProcessEnv;
}

/** Services that are up. Disposing them ends those first that need others. */
export interface RunningServices extends AsyncDisposable {
  /** Aborted when one of them ends by itself: engines that boot meanwhile would wait for it in vain. */
  readonly over: AbortSignal;
  /** The first that ended by itself, as the error that stops the test. */
  death(): HarnessError | undefined;
  readonly up: readonly RunningService[];
}

/** Starts services, each as soon as those it needs are up; the first failure ends all of them. */
export async function startServices(services: readonly SlottedService[], order: ServicesOrder): Promise<RunningServices> {
  const failed = new AbortController();
  const signal = AbortSignal.any([order.signal, failed.signal]);
  const up = new Map<string, RunningService>();
  const starts = new Map<string, Promise<boolean>>();
  const failures: unknown[] = [];
  for (const service of services) starts.set(service.name, startAfterNeeds(service));
  await Promise.all(starts.values());
  const dispose = async () => disposeAll(services, up);
  if (failures.length > 0) {
    await dispose();
    throw failures[0];
  }
  const running = [...up.values()];
  return { ...deaths(running, order.tell), up: running, [Symbol.asyncDispose]: dispose };

  async function startAfterNeeds(service: SlottedService): Promise<boolean> {
    try {
      const needed = await Promise.all(Object.values(service.needs).map(async (name) => starts.get(name)));
      if (!needed.every((isUp) => isUp === true)) return false;
      up.set(service.name, await startService(service, { ...order, signal }));
      return true;
    } catch (error) {
      failures.push(error);
      failed.abort(error);
      return false;
    }
  }
}

export interface RunningService extends AsyncDisposable {
  readonly service: SlottedService;
  /** Resolves with the cause when it ends by itself; never after it was disposed. */
  readonly died: Promise<string>;
}

async function disposeAll(services: readonly SlottedService[], up: ReadonlyMap<string, RunningService>): Promise<void> {
  const ends = new Map<string, Promise<void>>();
  // Those that need others come after them, so from the end on every dependent is on its way already.
  for (const { name } of services.toReversed()) {
    const dependents = services.filter(({ needs }) => Object.values(needs).includes(name));
    ends.set(
      name,
      (async () => {
        await Promise.all(dependents.map(async (dependent) => ends.get(dependent.name)));
        await up.get(name)?.[Symbol.asyncDispose]();
      })(),
    );
  }
  await Promise.all(ends.values());
}

function deaths(running: readonly RunningService[], tell: ServicesOrder["tell"]): Pick<RunningServices, "over" | "death"> {
  const over = new AbortController();
  let death: HarnessError | undefined;
  for (const { service, died } of running) {
    const told = (message: string) => {
      death ??= new HarnessError("engine-exited", `service ${service.name} ended by itself while engines needed it`, { hint: message });
      tell({ kind: "serviceDied", service: service.name, engines: service.engines, message });
      over.abort(death);
    };
    void died.then(told);
  }
  return { over: over.signal, death: () => death };
}

async function startService(service: SlottedService, order: ServicesOrder): Promise<RunningService> {
  let isTold = false;
  const tell = (event: RunEvent) => {
    isTold ||= event.kind === "serviceNotUp";
    order.tell(event);
  };
  try {
    const { launch } = service.service;
    return launch.kind === "running" ? await found(service, order) : await started(bootOf(service, launch, { ...order, tell }));
  } catch (error) {
    if (error instanceof HarnessError && !isTold) order.tell({ kind: "serviceNotUp", service: service.name, message: error.message });
    throw error;
  }
}

/** What is known to stand in the way before anything boots: its program is not here, or it does not run where it is said to. */
export async function refusalOf(
  service: SlottedService,
  { place, own }: Pick<ServicesOrder, "place" | "own">,
): Promise<HarnessError | undefined> {
  const { launch, ready } = service.service;
  if (launch.kind === "process") return programMissing(service, launch, { place, ...(own === undefined ? {} : { own }) });
  const missing = await missingOf(ready.check, launch.at);
  return missing === undefined ? undefined : notThere(service, missing);
}

async function programMissing(
  service: SlottedService,
  launch: Boot["launch"],
  { place, own }: Pick<ServicesOrder, "place" | "own">,
): Promise<HarnessError | undefined> {
  const { command, environment } = serviceStart(service, launch, own);
  if (await place.has(command.program, environment.env)) return undefined;
  const who = `${service.engines.join(" and ")} ${service.engines.length === 1 ? "needs" : "need"}`;
  const message = `service ${service.name}, which ${who}, is the program ${command.program}, and it is not here`;
  return new HarnessError("engine-missing", message, { hint: launch.missing });
}

function notThere(service: SlottedService, missing: string): HarnessError {
  return new HarnessError("unreachable", `service ${service.name} is said to run at ${whereIs(addressOf(service))}, but ${missing}`, {
    hint: "start it, look at host, port and password, or leave the address out and one is started for this test",
  });
}

/** A service that is up already is looked at: for a moment, in case it is just being started. */
async function found(service: SlottedService, { clock, tell, signal }: ServicesOrder): Promise<RunningService> {
  const from = clock.now();
  const { check, within } = service.service.ready;
  const missing = await missingAfter(async () => missingOf(check, addressOf(service)), within, signal);
  if (missing !== undefined) throw notThere(service, missing);
  tell({ kind: "serviceReady", service: service.name, after: toSeconds(clock.now() - from), address: whereIs(addressOf(service)) });
  return { service, died: new Promise(() => {}), [Symbol.asyncDispose]: async () => {} };
}

/** Everything that is known of a start before it happens. */
interface Boot {
  readonly service: SlottedService;
  readonly order: ServicesOrder;
  readonly launch: Extract<ServiceLaunch, { kind: "process" }>;
  readonly command: ReturnType<Extract<ServiceLaunch, { kind: "process" }>["command"]>;
  /** As people may see it. */
  readonly shown: string;
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly logs: EngineLogs;
}

/** How a service's command and environment look in its slot: what `plan` and test.json show, and what is started. */
export function serviceStart(
  { slot }: SlottedService,
  launch: Extract<ServiceLaunch, { kind: "process" }>,
  own: NodeJS.ProcessEnv = process.env,
): Pick<Boot, "command"> & { environment: ReturnType<typeof engineEnvironment>; shown: readonly string[] } {
  const command = launch.command(slot);
  return {
    command,
    environment: engineEnvironment(own, command.env, { gpus: [] }),
    shown: [command.program, ...maskedArguments(command.args)],
  };
}

function bootOf(service: SlottedService, launch: Boot["launch"], order: ServicesOrder): Boot {
  // It works in its directory, so a path from ours would lead nowhere.
  const directory = resolve(service.slot.directory);
  const { command, environment } = serviceStart({ ...service, slot: { ...service.slot, directory } }, launch, order.own);
  const secrets = secretsIn(environment.env, command.args, loginOf(service));
  const logs = new EngineLogs(resolve(order.logDirectory(service.name)), secrets);
  return { service, order, launch, command, shown: commandLine(command, secrets), env: environment.env, directory, logs };
}

function loginOf({ service }: SlottedService): string | undefined {
  return service.ready.check.kind === "redis" ? service.ready.check.login?.password : undefined;
}

async function started(boot: Boot): Promise<RunningService> {
  const { service, order, command, env, directory, logs, shown } = boot;
  const { program, args } = command;
  const missing = await programMissing(service, boot.launch, order);
  if (missing !== undefined) throw missing;
  await writeFiles(directory, command);
  order.tell({ kind: "serviceStarting", service: service.name, command: shown, log: logs.stdout });
  const from = order.clock.now();
  const start = await order.place.start({ program, args, env, directory }, logs).catch((cause: unknown) => {
    throw cannotStart(`service ${service.name}`, { program, directory }, cause);
  });
  await upOrEnded(boot, start);
  order.tell({
    kind: "serviceReady",
    service: service.name,
    after: toSeconds(order.clock.now() - from),
    address: whereIs(addressOf(service)),
  });
  return running(boot, start);
}

/** Whatever stands in the way, nobody of its tree is left behind. */
async function upOrEnded(boot: Boot, start: StartedProcess): Promise<void> {
  const over = new AbortController();
  const signal = AbortSignal.any([boot.order.signal, over.signal]);
  let hasEnded = false;
  void start.ended.then(() => (hasEnded = true));
  const exit = exited(boot, start, over.signal);
  // What it has left in the background may answer.
  const up = isUp(boot, start, signal).then(async () => (hasEnded ? exit : undefined));
  try {
    await Promise.race([up, exit]);
  } catch (error) {
    over.abort();
    const { order, service } = boot;
    // At once: ending a tree that holds gigabytes takes a while.
    if (error instanceof HarnessError) order.tell({ kind: "serviceNotUp", service: service.name, message: error.message });
    // Workers of a service that is gone have nothing to tidy up for.
    await endTree(boot, start, hasEnded ? 0 : 1);
    throw error;
  } finally {
    over.abort();
  }
}

async function isUp(boot: Boot, start: StartedProcess, signal: AbortSignal): Promise<void> {
  const { service, launch, logs, shown, order } = boot;
  const { check, within } = service.service.ready;
  const missing = await missingAfter(async () => (await notOurs(boot, start)) ?? missingOf(check, addressOf(service)), within, signal);
  if (missing === undefined) return;
  if (order.signal.aborted)
    throw new HarnessError("engine-not-ready", `service ${service.name} was ended while it started: ${whyStopped(order.signal)}`);
  const message = `service ${service.name} (${launch.ports.join(", ")}) was not ready within ${within} s: ${missing}`;
  throw new HarnessError("engine-not-ready", [message, ...logs.circumstances(shown)].join("\n"), {
    hint: logs.knownCause() ?? "the last lines of its logs say what it is doing; to try it alone, run the command above in a shell",
  });
}

/** Asks until nothing is missing, the time is over, or the signal says so: what was missing last. */
async function missingAfter(look: () => Promise<string | undefined>, within: Seconds, signal: AbortSignal): Promise<string | undefined> {
  const from = performance.now();
  for (;;) {
    const missing = await look();
    if (missing === undefined || signal.aborted || performance.now() - from > within * 1_000) return missing;
    await pause(75, undefined, { signal }).catch(() => {}); // the signal is looked at above
  }
}

/** Of two servers on one port a client cannot know which it reaches: every port must be of its tree alone. */
async function notOurs({ service, order }: Boot, start: StartedProcess): Promise<string | undefined> {
  // Who is seen while it starts is known even if it is alone afterwards.
  start.pids?.();
  for (const [name, port] of Object.entries(service.slot.ports)) {
    if (!(await isListening({ url: `http://127.0.0.1:${port}` }))) return `nothing listens on its port ${port} (${name}) yet`;
    if (!(await order.place.owns(start, port))) return `what listens on its port ${port} (${name}) is not of its process tree`;
  }
  return undefined;
}

async function exited({ service, order, logs, shown }: Boot, start: StartedProcess, over: AbortSignal): Promise<never> {
  const how = await start.ended;
  over.throwIfAborted();
  const left = await leftInBackground(order.place, Object.values(service.slot.ports), how);
  const { besides, hint } = toldOf(left, start);
  const message = [`service ${service.name} ${endedHow(how)} before it was ready${besides}`, ...logs.circumstances(shown)].join("\n");
  throw new HarnessError("engine-exited", message, { hint: logs.knownCause() ?? hint ?? adviceFor(how, logs) });
}

function running(boot: Boot, start: StartedProcess): RunningService {
  const { service, order, logs, shown } = boot;
  let disposed = false;
  const died = new Promise<string>((onDeath) => {
    void start.ended.then(async (how) => {
      const left = await leftInBackground(order.place, Object.values(service.slot.ports), how, { within: 0 });
      if (disposed) return;
      const { besides, hint } = toldOf(left, start);
      const told = [`service ${service.name} ${endedHow(how)}${besides}`, ...(hint === undefined ? [] : [`  ${hint}`])];
      onDeath([...told, ...logs.circumstances(shown)].join("\n"));
      return endTree(boot, start, 2);
    });
  });
  return {
    service,
    died,
    [Symbol.asyncDispose]: async () => {
      if (disposed) return;
      disposed = true;
      const from = order.clock.now();
      await endTree(boot, start, 10);
      await discardFiles(boot.directory, boot.command);
      order.tell({ kind: "serviceGone", service: service.name, after: toSeconds(order.clock.now() - from) });
    },
  };
}

/** One that cannot be killed is a warning: the others still have to be ended, and results written. */
async function endTree({ service, order, logs }: Boot, start: StartedProcess, grace: Seconds): Promise<void> {
  try {
    await start.end(grace);
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    order.tell({ kind: "warning", message: `service ${service.name}: ${error.message}; ${error.hint ?? ""}` });
  }
  await logs.withoutSecrets();
}

/** "127.0.0.1:6379", or all of several ports by name. */
function whereIs({ host, ports }: ServiceAddress): string {
  const [only, ...others] = Object.values(ports);
  if (others.length === 0) return `${host}:${only}`;
  return Object.entries(ports)
    .map(([name, port]) => `${name} ${host}:${port}`)
    .join(", ");
}
