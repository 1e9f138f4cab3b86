import { attachedLauncher } from "../launch/attached.ts";
import { dockerLauncher } from "../launch/docker.ts";
import { processLauncher } from "../launch/process.ts";
import type { Launcher, Place } from "../model/running.ts";
import { inProcess } from "../simulation/inProcess.ts";

/** Every way an engine gets to run: one line each. */
export function launchers(place: Place): Readonly<Record<Launcher["kind"], Launcher>> {
  return { process: processLauncher(place), docker: dockerLauncher(place), attached: attachedLauncher, inProcess };
}
