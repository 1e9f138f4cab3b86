import type { Launch, World } from "../model/engine.ts";

/** Of an engine that we start. */
export type StartedLaunch = Exclude<Launch, { kind: "attached" | "inProcess" }>;

/** A program of the same installation: beside the engine's where that has a path, else by its name alone. */
export function programBeside(launch: StartedLaunch, world: World): (name: string) => string {
  const { program } = launch.command({ port: 1, gpus: [], directory: "/" }, world);
  const end = program.lastIndexOf("/");
  return (name) => (launch.kind === "process" && end > 0 ? `${program.slice(0, end + 1)}${name}` : name);
}
