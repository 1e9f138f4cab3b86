import type { Launch } from "./engine.ts";

/** Of an engine that we start, whatever starts it. */
export type StartedLaunch = Extract<Launch, { readonly command: unknown }>;

export function isStarted(launch: Launch): launch is StartedLaunch {
  return "command" in launch;
}

/** Of an engine in a container: it has files, processes and an environment of its own, and sees no GPUs but those that it is given. */
export type ContainedLaunch = Extract<Launch, { readonly container: unknown }>;

export function isContained(launch: Launch): launch is ContainedLaunch {
  return "container" in launch;
}
