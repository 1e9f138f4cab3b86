import { HarnessError } from "../model/harnessError.ts";
import type { Service } from "../model/service.ts";
import { isContained } from "../model/startedLaunch.ts";
import type { Declared } from "./neededServices.ts";

/** In a container on a network of its own this machine's loopback address, where services are started, is the container's: a mistake. */
export function refuseUnreachable(engines: readonly Declared[]): void {
  const cut = engines.flatMap(({ name, engine, world }) => {
    const { launch } = engine;
    if (!isContained(launch) || (launch.container.network ?? "host") === "host") return [];
    const services = Object.values(engine.services?.(world) ?? {}).filter(isOnLoopback);
    const kinds = services.map(({ kind }) => kind).join(" and ");
    return services.length === 0
      ? []
      : [`${name} is in a container on the network ${launch.container.network}, and cannot reach its ${kinds} on 127.0.0.1`];
  });
  if (cut.length === 0) return;
  throw new HarnessError("usage", cut.join("; "), {
    hint: "leave network out (the container then has this machine's), or name a service by an address that the container can reach",
  });
}

function isOnLoopback({ launch }: Service): boolean {
  return launch.kind === "process" || /^(?:localhost|127\..*|\[?::1\]?)$/.test(launch.at.host);
}
