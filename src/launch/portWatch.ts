import { setTimeout as pause } from "node:timers/promises";

import { listeningOn } from "../host/listeningSockets.ts";
import type { Probe } from "../model/record.ts";
import type { RunningEngine } from "../model/running.ts";
import type { RunEvent } from "../model/runEvent.ts";
import type { Seconds } from "../model/time.ts";
import { named } from "./port.ts";
import { masks } from "./secrets.ts";

export interface PortWatchOptions {
  readonly tell: (event: RunEvent) => void;
  readonly everySeconds?: Seconds;
}

/**
 * Whether anybody else has come to listen on an engine's port (SO_REUSEPORT lets it), or an engine's own program has started its server anew: looked at
 * its start, once a second, and at its stop. Reads nothing.
 */
export function portWatch(engines: readonly RunningEngine[], { tell, everySeconds = 1 }: PortWatchOptions): Probe {
  const told = new Set<RunningEngine>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<unknown> = Promise.resolve();
  const listening = new Map(engines.map((engine) => [engine, new Listening(engine)]));
  const lookAt = async (engine: RunningEngine) => {
    if (listening.get(engine)?.isOther() === true) {
      tell({ kind: "restarted", engine: engine.name, message: `its program has opened its port${portOf(engine)} anew` });
    }
    const strangers = told.has(engine) ? [] : await certainStrangers(engine);
    if (strangers.length === 0) return;
    told.add(engine);
    tell({ kind: "portShared", engine: engine.name, message: masks(`shares its port${portOf(engine)} with ${named(strangers)}`) });
  };
  const look = async () => {
    looking = looking.then(async () => Promise.all(engines.map(lookAt)));
    return looking;
  };
  return {
    name: "ports",
    start: async () => {
      told.clear();
      await look();
      timer = setInterval(() => void look(), everySeconds * 1_000).unref();
      return false;
    },
    stop: async () => {
      clearInterval(timer);
      await look();
    },
  };
}

/** The sockets by which an engine that we started takes connections. Of a server that ends and comes back, by the same program, all are others. */
class Listening {
  private readonly port: number | undefined;
  private sockets: ReadonlySet<string>;

  constructor({ reach, strangers }: RunningEngine) {
    this.port = strangers === undefined || reach.kind !== "http" ? undefined : Number(new URL(reach.url).port);
    this.sockets = new Set();
  }

  /** Since this was last asked. Nobody may listen for a while. */
  isOther(): boolean {
    const now = this.port === undefined ? new Set<string>() : socketsOn(this.port);
    if (now.size === 0) return false;
    const before = this.sockets;
    this.sockets = now;
    return before.size > 0 && this.sockets.isDisjointFrom(before);
  }
}

/** That of IPv6 only where there is none of IPv4: with few connections it takes ten times as long to read. */
function socketsOn(port: number): ReadonlySet<string> {
  const tables = (["tcp", "tcp6"] as const).values().map((table) => listeningOn(port, [table]));
  return new Set(tables.find((found) => found !== undefined && found.size > 0)?.keys());
}

/** Looked for twice: between looking for who listens and for who is of the engine's tree, a worker of its own may just have begun. */
async function certainStrangers({ strangers }: RunningEngine): Promise<Awaited<ReturnType<NonNullable<typeof strangers>>>> {
  if (strangers === undefined) return [];
  try {
    if ((await strangers()).length === 0) return [];
    await pause(50);
    return await strangers();
  } catch {
    return []; // a daemon of containers that is gone tells nothing of their processes; their ends tell themselves
  }
}

function portOf({ reach }: RunningEngine): string {
  return reach.kind === "http" ? ` ${new URL(reach.url).port}` : "";
}
