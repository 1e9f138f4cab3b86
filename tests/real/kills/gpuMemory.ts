import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

/** What a driver may keep by itself. */
const slackMib = 100;

/** The memory in use on one GPU, as nvidia-smi tells it ten times a second. */
export class GpuMemory implements Disposable {
  readonly #child: ChildProcess;
  readonly #readings: { readonly at: number; readonly mib: number }[] = [];

  constructor() {
    const args = ["-i", "0", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-lms", "100"];
    const child = spawn("nvidia-smi", args, { stdio: ["ignore", "pipe", "ignore"] });
    createInterface({ input: child.stdout }).on("line", (line) => {
      const mib = Number(line.trim());
      if (line.trim() !== "" && !Number.isNaN(mib)) this.#readings.push({ at: performance.now(), mib });
    });
    this.#child = child;
  }

  /** As last told until then. */
  usedAt(when: number): number | undefined {
    return this.#readings.findLast(({ at }) => at <= when)?.mib;
  }

  /** The first time after `from` from which on no more than `mib` is in use, waited for; undefined where that takes more than a minute. */
  async backTo(mib: number, from: number): Promise<number | undefined> {
    while (this.#backTo(mib, from) === undefined && performance.now() - from < 60_000) await pause(100);
    return this.#backTo(mib, from);
  }

  #backTo(mib: number, from: number): number | undefined {
    const since = this.#readings.filter(({ at }) => at >= from);
    const last = since.findLastIndex((reading) => reading.mib > mib + slackMib);
    return since[last + 1]?.at;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

/** Who holds some: "1234, VLLM::EngineCore, 64749". */
export async function holders(): Promise<readonly string[]> {
  const query = ["--query-compute-apps=pid,process_name,used_memory", "--format=csv,noheader,nounits"];
  const { stdout } = await promisify(execFile)("nvidia-smi", query);
  return stdout.split("\n").filter((line) => line.includes(","));
}
