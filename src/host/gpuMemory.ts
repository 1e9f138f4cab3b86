import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { groupedIfDigits } from "../model/grouped.ts";

/** Memory in use on these GPUs together, in MiB; undefined without a driver that tells. */
export async function gpuMemoryUsed(ids: readonly string[], env: NodeJS.ProcessEnv): Promise<number | undefined> {
  const lines = await asked(ids, ["--query-gpu=memory.used", "--format=csv,noheader,nounits"], env);
  const values = lines?.map(Number);
  if (values === undefined || values.length === 0 || values.some(Number.isNaN)) return undefined;
  return values.reduce((sum, value) => sum + value, 0);
}

/** Who holds memory there: "process 1234 (VLLM::EngineCore), 64,749 MiB". Whoever is ending has lost its name, and is left out. */
export async function gpuMemoryHolders(ids: readonly string[], env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const lines = await asked(ids, ["--query-compute-apps=pid,used_memory,process_name", "--format=csv,noheader,nounits"], env);
  const living = (lines ?? []).filter((line) => !line.endsWith("[No data]"));
  return living.map((line) => {
    const [pid = "", used = "", ...name] = line.split(",").map((field) => field.trim());
    return `process ${pid} (${name.join(",")}), ${groupedIfDigits(used)} MiB`;
  });
}

async function asked(ids: readonly string[], query: readonly string[], env: NodeJS.ProcessEnv): Promise<readonly string[] | undefined> {
  // Parts of a GPU have no counter of their own.
  if (ids.length === 0 || ids.some((id) => id.startsWith("MIG-"))) return undefined;
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", ["-i", ids.join(","), ...query], { env, timeout: 10_000 });
    return stdout.split("\n").filter((line) => line.trim() !== "");
  } catch {
    return undefined;
  }
}
