// Kills vLLM on a GPU, its engine core, an LMCache server and the harness with SIGKILL, and looks at what is told and what is left, GPU memory
// above all. Runs from a lean copy (scripts/lean.sh) as well:
//   node tests/real/kills/gpuKills.ts OUTPUT SITE MODEL 'plain engine load' 'in_process harness stream' …
// A fourth word takes so many MiB of the GPU as somebody else, once the engine boots: 'plain core load 2048'.
// One line of JSON for each in OUTPUT/kills.jsonl. docs/real-runs/kills.md says what came out.
import { spawn, type ChildProcess } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { signalProcess, type ProcessEntry } from "../../../src/host/processTable.ts";
import { GpuMemory, holders } from "./gpuMemory.ts";
import { Holdings, namesIn, unlessGone } from "./holdings.ts";
import { endOf, markOf, partOf, RunningTandem } from "./running.ts";

/** Whom to kill; a part of an engine is waited for. */
const victims: Readonly<Record<string, (run: RunningTandem, engine: string) => Promise<ProcessEntry>>> = {
  engine: async (run, engine) => run.rootIn(`engines/${engine}`),
  core: async (run, engine) => {
    const { pid } = await run.rootIn(`engines/${engine}`);
    return run.until(`a part of ${pid}`, () => partOf(pid));
  },
  server: async (run, engine) => run.rootIn(`services/${engine}.lmcache-server`),
  harness: async (run) => run.root,
};

/** When: after a sign of it, so many seconds at most. */
const moments: Readonly<Record<string, { sign: (run: RunningTandem, engine: string) => Promise<void>; upTo: number }>> = {
  boot: { sign: async (run, engine) => run.untilSaid(new RegExp(` ${engine}: booting`)), upTo: 3 },
  load: { sign: async (run, engine) => run.untilLogged(`engines/${engine}`, /Model loading took/), upTo: 3 },
  stream: { sign: async (run) => run.untilSaid(/ experiment 0: \d/), upTo: 4 },
};

const [output = "", site = "", model = "", ...wanted] = process.argv.slice(2);
mkdirSync(output, { recursive: true });
for (const [index, kill] of wanted.entries()) {
  const [engine = "", victim = "", moment = "", foreign] = kill.split(" ");
  const name = `${index}-${kill.replaceAll(" ", "-")}`;
  try {
    const row = await killed(engine, victim, moment, { at: join(output, name), foreignMib: Number(foreign ?? 0) });
    appendFileSync(join(output, "kills.jsonl"), `${JSON.stringify({ name, ...row })}\n`);
  } catch (error) {
    appendFileSync(join(output, "kills.jsonl"), `${JSON.stringify({ name, error: String(error) })}\n`);
    await pause(3_000); // its watchdog ends what is left
  }
}

interface Where {
  readonly at: string;
  /** So much is taken by somebody else once the engine boots, and kept. */
  readonly foreignMib: number;
}

/** Times in milliseconds since the kill, memory in MiB. */
async function killed(engine: string, victim: string, moment: string, { at, foreignMib }: Where): Promise<object> {
  const [find, when] = [victims[victim], moments[moment]];
  if (find === undefined || when === undefined) throw new Error(`no such kill: ${victim} ${moment}`);
  using gpu = new GpuMemory();
  await pause(1_500);
  const before = gpu.usedAt(Infinity);
  await using run = new RunningTandem(orderOf(engine), at);
  if (foreignMib > 0) await run.untilSaid(new RegExp(` ${engine}: booting`));
  using _foreign = foreignMib > 0 ? await holding(foreignMib) : undefined;
  const base = gpu.usedAt(Infinity);
  await when.sign(run, engine);
  await pause(Math.random() * when.upTo * 1_000);
  const entry = await find(run, engine);
  const root = victim === "core" ? await victims["engine"]?.(run, engine) : entry;
  run.holdings.look();
  const tree = victim === "harness" || root === undefined ? run.holdings : new Holdings(root, markOf(root.pid));
  tree.look();
  const age = Math.round(performance.now() - run.startedAt);
  const atKill = { processes: tree.left().processes, holders: await holders() };
  const from = performance.now();
  const since = (to: number | undefined) => (to === undefined ? undefined : Math.round(to - from));
  signalProcess(entry, "SIGKILL");
  const look = async (seconds: number) => {
    await pause(from + seconds * 1_000 - performance.now());
    const { processes, ports } = tree.left();
    return { mib: gpu.usedAt(Infinity), processes, ports, holders: await holders() };
  };
  const [rootEnded, afterOne, afterFive, ended] = await Promise.all([
    root === undefined ? undefined : endOf(root).then(since),
    look(1),
    look(5),
    run.ended,
  ]);
  const back = base === undefined ? undefined : await gpu.backTo(base, from);
  await pause(victim === "harness" ? 0 : 2_000);
  writeFileSync(join(at, "stderr.txt"), run.stderr);
  return {
    engine,
    victim,
    moment,
    age,
    rootEnded,
    told: since(run.saidAt(new RegExp(`^ {2}${engine}(?:\\.lmcache-server)?: (?:not up|ended by itself)`, "m"))),
    said: /^ .*(?:not up|ended by itself).*$/m.exec(run.stderr)?.[0].trim() ?? "",
    warnings: run.stderr.split("\n").filter((line) => line.includes("warning")),
    code: ended.code,
    ended: since(ended.at),
    mib: { before, base, atKill: gpu.usedAt(from), afterOne: afterOne.mib, afterFive: afterFive.mib, end: gpu.usedAt(Infinity) },
    backAfter: since(back),
    atKill,
    afterOne,
    afterFive,
    left: run.left(),
    deaths: deathsIn(join(run.testDirectory, "journal", "events.jsonl")),
    scratch: namesIn(join(run.testDirectory, "engines", engine, "scratch")),
  };
}

function orderOf(engine: string): ConstructorParameters<typeof RunningTandem>[0] {
  const main = fileURLToPath(new URL("../../../src/cli/main.js", import.meta.url));
  return {
    command: [process.execPath, "--single-threaded-gc", "--no-memory-reducer", "--initial-old-space-size=128", main],
    file: "gpuEngines.ts",
    test: "test_gpu_kills",
    args: ["--only", engine, "--journal-only", "--set", `site=${site}`, "--set", `model=${model}`],
  };
}

/** Somebody else on the GPU. */
async function holding(mib: number): Promise<Disposable> {
  const program =
    "import sys, time, torch\nheld = torch.zeros(int(sys.argv[1]) << 20, dtype=torch.uint8, device='cuda')\nprint('held', flush=True)\ntime.sleep(600)";
  const child: ChildProcess = spawn("python3", ["-c", program, String(mib)], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise<void>((onHeld, onFailed) => {
    child.stdout?.once("data", () => onHeld());
    child.once("exit", (code) => onFailed(new Error(`holding ${mib} MiB failed with ${code}`)));
  });
  return { [Symbol.dispose]: () => void child.kill("SIGKILL") };
}

function deathsIn(events: string): readonly string[] {
  const kinds = [...(unlessGone(() => readFileSync(events, "utf8")) ?? "").matchAll(/"kind":"(died|serviceDied|notUp)"/g)];
  return kinds.map(([, kind = ""]) => kind);
}
