import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, hostname, release, totalmem, type } from "node:os";

import { processEntry } from "../host/processTable.ts";
import { masks } from "../launch/secrets.ts";
import type { RunManifest } from "../model/result.ts";
import type { Place } from "../model/running.ts";

type Asked = Required<Pick<RunManifest, "tests" | "simulated">> &
  Pick<RunManifest, "failOn" | "blocked" | "skipped" | "organisation"> & { readonly startedAt: Date };

/** What a run is remembered by: versions, host, the command line as it was typed. */
export async function manifestOf(commandLine: readonly string[], { startedAt, ...asked }: Asked, place: Place): Promise<RunManifest> {
  const gpus = await place.gpus();
  const [cpu] = cpus();
  return {
    schema: 1,
    tandem: ownVersion(),
    startedAt: startedAt.toISOString(),
    commandLine: commandLine.map(withoutSecrets),
    ...asked,
    ...ourselves(),
    host: {
      name: hostname(),
      system: `${type()} ${release()}`,
      node: process.version,
      cpu: `${cpus().length} x ${cpu?.model.trim() ?? "unknown"}`,
      memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
      ...(gpus.length === 0 ? {} : { gpus: gpus.map((gpu) => `${gpu.id}: ${gpu.name}, ${gpu.memoryMib} MiB`).join("; ") }),
      ...revision(),
    },
  };
}

/** Missing where the system does not tell of it. */
function ourselves(): Pick<RunManifest, "process"> {
  const entry = processEntry(process.pid);
  return entry === undefined ? {} : { process: { pid: entry.pid, startedAt: entry.startedAt } };
}

function ownVersion(): string {
  return (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version;
}

/** The revision of the working directory, where it is a checkout: what was measured may have changed with it. */
function revision(): { revision?: string } {
  try {
    const text = execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=12"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 2_000,
    });
    return { revision: text.trim() };
  } catch {
    return {}; // no git, or no checkout: nothing to say
  }
}

function withoutSecrets(argument: string): string {
  return masks(argument).replace(/((?:key|token|secret|password)[^=]*=).+/i, "$1***");
}
