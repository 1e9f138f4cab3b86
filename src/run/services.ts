import { addressesFor, addressOf, neededServices, slotServices, type SlottedService } from "../launch/neededServices.ts";
import { masked } from "../launch/environment.ts";
import { masks } from "../launch/secrets.ts";
import { serviceStart } from "../launch/services.ts";
import type { ServiceAddress } from "../model/service.ts";
import type { ServiceDescription } from "../model/result.ts";
import type { Place } from "../model/running.ts";
import type { PlannedEngine } from "./planEngines.ts";

/** What the engines of one batch need beside them, each with ports that are free now. */
export async function servicesFor(
  batch: readonly PlannedEngine[],
  place: Pick<Place, "freePort">,
  directory: (service: string) => string,
): Promise<readonly SlottedService[]> {
  return slotServices(neededServices(batch), { freePort: async () => place.freePort(), directory });
}

/** For an engine's slot; empty where it needs none, so that a slot without services looks as it always did. */
export function servicesOf(
  engine: PlannedEngine,
  services: readonly SlottedService[],
): { services?: Readonly<Record<string, ServiceAddress>> } {
  const addresses = addressesFor(engine, services);
  return Object.keys(addresses).length === 0 ? {} : { services: addresses };
}

/** What is written of a service, with its exact command line. */
export function describeService(one: SlottedService): ServiceDescription {
  const { host, ports } = addressOf(one);
  const { name, engines, service } = one;
  const addresses = Object.fromEntries(Object.entries(ports).map(([port, number]) => [port, `${host}:${number}`]));
  const described = { name, kind: service.kind, engines, addresses };
  if (service.launch.kind === "running") return described;
  const { environment, shown } = serviceStart(one, service.launch);
  return { ...described, command: shown, environment: { added: masked(environment.added), removed: environment.removed } };
}

/** A service's files as people may see them. */
export function shownFiles(one: SlottedService): readonly (readonly [name: string, content: string])[] {
  const { launch, ready } = one.service;
  if (launch.kind === "running") return [];
  const password = ready.check.kind === "redis" ? ready.check.login?.password : undefined;
  const secrets = password === undefined ? [] : [password];
  return Object.entries(launch.command(one.slot).files ?? {}).map(([name, content]) => [name, masks(content, secrets)]);
}
