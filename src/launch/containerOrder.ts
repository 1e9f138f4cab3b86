import type { ContainerCreateOptions } from "dockerode";

import type { Command, ContainerOptions, Slot } from "../model/engine.ts";
import { placeOutside } from "./placeOutside.ts";
import { hasSecretName } from "./secrets.ts";

/** A container as its daemon is asked for it: plain data, from which the request and the command line for people both come. */
export interface ContainerOrder {
  readonly image: string;
  readonly command: Command;
  /** Declared ones, and what every engine is told. */
  readonly env: Readonly<Record<string, string>>;
  readonly container: ContainerOptions;
  readonly slot: Slot;
}

/** What `docker run` would be given for the same container. */
export function dockerRun(order: ContainerOrder): Command {
  const { image, command, env, container, slot } = order;
  const network = networkOf(order);
  return {
    program: "docker",
    args: [
      "run",
      "--init",
      "--network",
      network,
      ...(network === "host" ? [] : ["--publish", `127.0.0.1:${slot.port}:${slot.port}`]),
      ...(slot.gpus.length === 0 ? [] : ["--gpus", `"device=${slot.gpus.join(",")}"`]),
      "--shm-size",
      `${sharedMemoryGib(order)}g`,
      ...(container.memoryGib === undefined ? [] : ["--memory", `${container.memoryGib}g`]),
      ...volumesOf(order).flatMap((volume) => ["--volume", volume]),
      "--workdir",
      slot.directory,
      // Without a value Docker takes the one of the shell it is pasted into: a secret's stays there.
      ...Object.entries(env).flatMap(([name, value]) => ["--env", hasSecretName(name) ? name : `${name}=${value}`]),
      ...(command.program === "" ? [] : ["--entrypoint", command.program]),
      image,
      ...command.args,
    ],
    env: {},
  };
}

/** The same as the daemon's API has it. */
export function createOptions(order: ContainerOrder, labels: Readonly<Record<string, string>>): ContainerCreateOptions {
  const { image, command, env, container, slot } = order;
  const network = networkOf(order);
  const port = `${slot.port}/tcp`;
  return {
    Image: image,
    ...(command.program === "" ? {} : { Entrypoint: [command.program] }),
    Cmd: [...command.args],
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: slot.directory,
    Labels: { ...labels },
    ...(network === "host" ? {} : { ExposedPorts: { [port]: {} } }),
    HostConfig: {
      // The first process of a container gets no signal it does not handle, and must bury its orphans: a tiny one does both for the engine.
      Init: true,
      NetworkMode: network,
      ...(container.memoryGib === undefined ? {} : { Memory: Math.round(container.memoryGib * 2 ** 30) }),
      Binds: [...volumesOf(order)],
      ShmSize: sharedMemoryGib(order) * 2 ** 30,
      // Whatever the daemon's default is: this one can be read back.
      LogConfig: { Type: "json-file", Config: {} },
      ...(network === "host" ? {} : { PortBindings: { [port]: [{ HostIp: "127.0.0.1", HostPort: String(slot.port) }] } }),
      ...(slot.gpus.length === 0 ? {} : { DeviceRequests: [{ DeviceIDs: [...slot.gpus], Capabilities: [["gpu"]] }] }),
    },
  };
}

function networkOf({ container }: ContainerOrder): string {
  return container.network ?? "host";
}

function sharedMemoryGib({ container }: ContainerOrder): number {
  return container.sharedMemoryGib ?? 16;
}

/** The slot's directory lies where it lies outside, and so does what the engine keeps elsewhere: paths in arguments and configurations hold in both. */
function volumesOf({ container: { volumes = [] }, slot, command: { keepsIn = [] } }: ContainerOrder): readonly string[] {
  // What the author's volumes hold is outside already; over it nothing is put, and two at one place are refused.
  const kept = [...new Set(keepsIn)].filter((path) => placeOutside(path, volumes) === undefined);
  return [slot.directory, ...kept].map((path) => `${path}:${path}`).concat(volumes);
}
