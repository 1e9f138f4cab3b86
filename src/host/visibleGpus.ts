import { execFile } from "node:child_process";
import { promisify } from "node:util";

import type { Gpu } from "../model/running.ts";

/** GPUs that nvidia-smi lists, less what CUDA_VISIBLE_DEVICES withholds, in its order: a job on a shared machine has only some. */
export async function visibleGpus(env: NodeJS.ProcessEnv): Promise<readonly Gpu[]> {
  const all = await gpusByNvidiaSmi(env);
  const named = env["CUDA_VISIBLE_DEVICES"]?.split(",").map((id) => id.trim());
  if (named === undefined) return all;
  const visible = named.flatMap((id) => (id.startsWith("MIG-") ? [{ id, name: "a MIG part" }] : all.filter((gpu) => isNamed(gpu, id))));
  // One that is named by its number and by its UUID is one.
  return visible.filter(({ id }, index) => visible.findIndex((other) => other.id === id) === index);
}

async function gpusByNvidiaSmi(env: NodeJS.ProcessEnv): Promise<readonly Gpu[]> {
  const lines = await printed(["--query-gpu=index,uuid,name,memory.total,mig.mode.current", "--format=csv,noheader,nounits"], env);
  const rows = lines.filter((line) => line.includes(",")).map((line) => line.split(",").map((field) => field.trim()));
  const parts = rows.some(([, , , , mig]) => mig === "Enabled")
    ? partsIn(await printed(["-L"], env))
    : new Map<string, readonly string[]>();
  return rows.map(([id = "", uuid = "", name = "", memory = ""]) => {
    const memoryMib = Number.parseInt(memory, 10); // "[N/A]" where CPU and GPU share theirs
    const own = parts.get(uuid) ?? [];
    return { id, uuid, name, ...(Number.isNaN(memoryMib) ? {} : { memoryMib }), ...(own.length === 0 ? {} : { parts: own }) };
  });
}

/** Not installed, or no driver: no GPU that an engine could use. */
async function printed(args: readonly string[], env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", [...args], { env, timeout: 10_000 });
    return stdout.split("\n");
  } catch {
    return [];
  }
}

/** "GPU 0: NVIDIA A100 (UUID: GPU-…)", and below it "  MIG 3g.20gb Device 0: (UUID: MIG-…)": UUIDs of parts by their GPU's. */
function partsIn(lines: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const parts = new Map<string, string[]>();
  let latest: string[] = [];
  for (const line of lines) {
    const uuid = /\(UUID: ((?:GPU|MIG)-[^)]+)\)/.exec(line)?.[1];
    if (uuid?.startsWith("GPU-") === true) parts.set(uuid, (latest = []));
    else if (uuid !== undefined) latest.push(uuid);
  }
  return parts;
}

function isNamed({ id, uuid }: Gpu, name: string): boolean {
  return name === id || (name !== "" && uuid?.startsWith(name) === true);
}
