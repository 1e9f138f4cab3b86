import { setTimeout as pause } from "node:timers/promises";

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

/** Whether anybody else has come to listen on an engine's port (SO_REUSEPORT lets it): looked at its start, once a second, and at its stop. Reads nothing. */
export function portWatch(engines: readonly RunningEngine[], { tell, everySeconds = 1 }: PortWatchOptions): Probe {
  const told = new Set<RunningEngine>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<unknown> = Promise.resolve();
  const lookAt = async (engine: RunningEngine) => {
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
