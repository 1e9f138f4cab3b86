import type { Engine, InstalledProgram, Slot, World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Service, ServiceAddress, ServiceSlot, Services } from "../model/service.ts";

/** A service of a batch: of one engine, or shared by several. */
export interface NeededService {
  /** Whose it is, then its own name: "cached.redis"; "kv.redis" of engines that share it as "kv". */
  readonly name: string;
  readonly service: Service;
  /** Engines that need it, themselves or through another service. */
  readonly engines: readonly string[];
  /** Names here of the services it needs, by the names its command calls them. */
  readonly needs: Readonly<Record<string, string>>;
}

export interface SlottedService extends NeededService {
  readonly slot: ServiceSlot;
}

/** An engine of a test, as much as services need to know of it. */
export interface Declared {
  readonly name: string;
  readonly engine: Engine;
  readonly world: World;
}

/** What the engines of a batch need, each service once, those that others need before them. */
export function neededServices(engines: readonly Declared[]): readonly NeededService[] {
  const found = new Map<string, NeededService>();
  const mistakes: string[] = [];
  const add = (owner: string, service: Service): string => {
    const name = nameOf(owner, service);
    const needs = Object.fromEntries(Object.entries(service.needs).map(([label, needed]) => [label, add(owner, needed)]));
    const before = found.get(name);
    if (before !== undefined && told(before.service) !== told(service)) mistakes.push(`${name} is described in two ways`);
    found.set(name, { name, service, needs, engines: [...new Set([...(before?.engines ?? []), owner])] });
    return name;
  };
  for (const { name, engine, world } of engines) {
    for (const service of Object.values(servicesOf({ engine, world }))) {
      if (engines.some((other) => other.name === service.shared))
        mistakes.push(`${service.name} is shared as ${service.shared}, an engine's name`);
      add(name, service);
    }
  }
  if (mistakes.length === 0) return [...found.values()];
  throw new HarnessError("usage", `services: ${[...new Set(mistakes)].join("; ")}`, {
    hint: "services of one name and one key are one service; give others another name or another key",
  });
}

/** Free ports and a directory for each, so that every command is known before the first one runs. */
export async function slotServices(
  needed: readonly NeededService[],
  grant: { freePort: () => Promise<number>; directory: (name: string) => string },
): Promise<readonly SlottedService[]> {
  const slotted = new Map<string, SlottedService>();
  for (const one of needed) {
    const ports: Record<string, number> = {};
    if (one.service.launch.kind === "process") for (const port of one.service.launch.ports) ports[port] = await grant.freePort();
    const services = mapped(one.needs, (name) => addressOf(slotted.get(name) as SlottedService)); // they come before it
    slotted.set(one.name, { ...one, slot: { ports, directory: grant.directory(one.name), services } });
  }
  return [...slotted.values()];
}

export function addressOf({ service, slot }: SlottedService): ServiceAddress {
  return service.launch.kind === "running" ? service.launch.at : { host: "127.0.0.1", ports: slot.ports };
}

/** For an engine's slot: where its services are, by the names it gave them. */
export function addressesFor(declared: Declared, services: readonly SlottedService[]): Readonly<Record<string, ServiceAddress>> {
  return mapped(servicesOf(declared), (service) => {
    const one = services.find(({ name }) => name === nameOf(declared.name, service));
    if (one === undefined) throw new TypeError(`service ${service.name} of engine ${declared.name} has no slot`);
    return addressOf(one);
  });
}

/** A slot that nobody has: to see what an engine's command would be. */
export function trialSlot(declared: Pick<Declared, "engine" | "world">): Slot {
  return { port: 1, gpus: [], directory: "/", services: mapped(servicesOf(declared), trialAddress) };
}

/** By the names its command calls them. */
export function servicesOf({ engine, world }: Pick<Declared, "engine" | "world">): Services {
  return mapped(engine.services?.(world) ?? {}, (service, label) => knowing(service, world.servicePrograms?.[label]));
}

/** Whose command fits what its program says of itself. */
function knowing(service: Service, program: InstalledProgram | undefined): Service {
  const { launch } = service;
  if (launch.kind !== "process" || program === undefined) return service;
  return { ...service, launch: { ...launch, command: (slot) => launch.command(slot, program) } };
}

function nameOf(owner: string, { name, shared }: Service): string {
  return `${shared ?? owner}.${name}`;
}

/** All that can be told of a description: its data, and its command in one and the same slot. */
function told({ launch, needs, ...rest }: Service): string {
  if (launch.kind === "running") return JSON.stringify([rest, launch, Object.keys(needs)]);
  return JSON.stringify([rest, launch.command(trialServiceSlot({ launch, needs })), Object.keys(needs)]);
}

/** Likewise for a service. */
export function trialServiceSlot({ launch, needs }: Pick<Service, "launch" | "needs">): ServiceSlot {
  return { ports: trialAddress({ launch }).ports, directory: "/", services: mapped(needs, trialAddress) };
}

function trialAddress({ launch }: Pick<Service, "launch">): ServiceAddress {
  if (launch.kind === "running") return launch.at;
  return { host: "127.0.0.1", ports: Object.fromEntries(launch.ports.map((port, index) => [port, index + 1])) };
}

function mapped<From, To>(record: Readonly<Record<string, From>>, change: (value: From, key: string) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
