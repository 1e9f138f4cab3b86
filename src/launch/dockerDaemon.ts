import { existsSync } from "node:fs";

import type Docker from "dockerode";

import { HarnessError } from "../model/harnessError.ts";
import { reason } from "./readiness.ts";

/** A container daemon of this machine that has answered. */
export interface DockerDaemon {
  readonly docker: Docker;
  readonly socket: string;
}

/** Docker's own variable first, then where its daemon listens, with and without root. Only a daemon of this machine: its engines answer on our ports. */
export async function dockerDaemon(own: NodeJS.ProcessEnv): Promise<DockerDaemon> {
  const socket = socketOf(own);
  // Loaded here: it takes 180 ms, and most runs need none.
  const { default: Client } = await import("dockerode");
  const docker = new Client({ socketPath: socket });
  try {
    await docker.ping();
  } catch (cause) {
    throw new HarnessError("engine-missing", `no Docker daemon answers at ${socket} (${reason(cause)})`, { hint: adviceFor(cause), cause });
  }
  return { docker, socket };
}

function socketOf(own: NodeJS.ProcessEnv): string {
  const host = own["DOCKER_HOST"];
  if (host?.startsWith("unix://") === true) return host.slice("unix://".length);
  if (host !== undefined && host !== "") {
    throw new HarnessError("usage", `DOCKER_HOST=${host}: engines in containers need a daemon of this machine`, {
      hint: "unset it, or give it a socket: DOCKER_HOST=unix:///var/run/docker.sock; an engine elsewhere can be measured with attached({ url })",
    });
  }
  const ofUser = `${own["XDG_RUNTIME_DIR"] ?? "/run/user/0"}/docker.sock`;
  return !existsSync(ofRoot) && existsSync(ofUser) ? ofUser : ofRoot;
}

const ofRoot = "/var/run/docker.sock";

function adviceFor(cause: unknown): string {
  return reason(cause) === "EACCES"
    ? "this user may not speak to it: sudo usermod -aG docker $USER, then log in again"
    : "start it (sudo systemctl start docker), or say where it is: DOCKER_HOST=unix:///path/to/docker.sock";
}
