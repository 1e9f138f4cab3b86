// Kills real engines, a real LMCache server and the harness with SIGKILL, and looks at what is told and what is left:
//   npm run test:real -- kills              all of it, about 15 minutes on two cores
//   npm run test:real -- kills harness      those whose name begins so
// Prints a table of what it saw, and exits with 1 where that is not as it should be. docs/real-runs/kills.md says what came out.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { signalProcess, type ProcessEntry } from "../../../src/host/processTable.ts";
import { Holdings, unlessGone, type Left } from "./holdings.ts";
import { amiss, table, type Row } from "./rows.ts";
import { endOf, markOf, partOf, reportOn, RunningTandem, tandem, type Order } from "./running.ts";

interface Kill {
  readonly victim: keyof typeof victims;
  readonly moment: keyof typeof moments;
}

/** Whom to kill; a part of an engine is waited for. */
const victims = {
  engine: async (run: RunningTandem) => run.rootIn("engines/cached"),
  core: async (run: RunningTandem) => partIn(run, await victims.engine(run)),
  worker: async (run: RunningTandem) => partIn(run, await victims.core(run)),
  server: async (run: RunningTandem) => run.rootIn("services/cached.lmcache-server"),
  harness: async (run: RunningTandem) => run.root,
};

/** When: after a sign of it, so many seconds at most. */
const moments = {
  boot: { sign: async (run: RunningTandem) => run.untilSaid(/ cached: booting/), upTo: 3 },
  load: { sign: async (run: RunningTandem) => run.untilLogged("engines/cached", /Initializing a V1 LLM engine/), upTo: 6 },
  stream: { sign: async (run: RunningTandem) => run.untilSaid(/ experiment 0: \d/), upTo: 6 },
};

/** What the console then says. */
const ofEngine = /^ {2}cached: (?:not up|ended by itself)/m;
const toldSigns = {
  engine: ofEngine,
  core: ofEngine,
  worker: ofEngine,
  server: /^ {2}cached\.lmcache-server: ended by itself/m,
  harness: /^$/,
};

const kills: readonly Kill[] = [
  ...(["engine", "core"] as const).map((victim) => ({ victim, moment: "boot" as const })),
  ...(["engine", "core", "worker", "server"] as const).flatMap((victim) => [
    { victim, moment: "load" as const },
    { victim, moment: "stream" as const },
  ]),
  ...[...times(3, "boot"), ...times(4, "load"), ...times(4, "stream")].map((moment) => ({ victim: "harness" as const, moment })),
];

/** What is run: its file and its test. */
const tests = { both: ["engines.ts", "test_kills"], alone: ["alone.ts", "test_alone"] } as const;

const [output = "", venv = "", model = "", wanted = ""] = process.argv.slice(2);
await killAll(kills.filter(({ victim, moment }) => `${victim} ${moment}`.startsWith(wanted)));

async function killAll(chosen: readonly Kill[]): Promise<void> {
  mkdirSync(output, { recursive: true });
  const rows: Row[] = [];
  for (const [index, kill] of chosen.entries()) {
    const row = await killOne(kill, join(output, `${index}-${kill.victim}-${kill.moment}`));
    rows.push(row);
    appendFileSync(join(output, "kills.jsonl"), `${JSON.stringify(row)}\n`);
    process.stderr.write(`${row.victim} ${row.moment}: ${amiss(row).join("; ") || "as it should be"}\n`);
  }
  for (const line of table(rows)) process.stdout.write(`${line}\n`);
  if (rows.some((row) => amiss(row).length > 0)) process.exitCode = 1;
}

async function killOne({ victim, moment }: Kill, at: string): Promise<Row> {
  await using run = new RunningTandem(orderOf(victim === "harness" || moment === "boot" ? "both" : "alone"), at);
  await moments[moment].sign(run);
  await pause(Math.random() * moments[moment].upTo * 1_000);
  const killed = await victims[victim](run);
  const root = victim === "core" || victim === "worker" ? await victims.engine(run) : killed;
  run.holdings.look();
  const tree = victim === "harness" ? run.holdings : new Holdings(root, markOf(root.pid));
  tree.look();
  const age = performance.now() - run.startedAt;
  const from = performance.now();
  signalProcess(killed, "SIGKILL");
  const since = (to: number) => to - from;
  const rootEnd = endOf(root);
  const [rootEnded, gone, afterOne, afterFive, ended] = await Promise.all([
    rootEnd.then(since),
    emptied(tree).then(since),
    rootEnd.then(async () => leftAfter(tree, 1)),
    rootEnd.then(async () => leftAfter(tree, 5)),
    run.ended,
  ]);
  await pause(victim === "harness" ? 0 : 2_000);
  writeFileSync(join(at, "stderr.txt"), run.stderr);
  const told = run.saidAt(toldSigns[victim]);
  return {
    victim,
    moment,
    age,
    rootEnded,
    ...(told === undefined ? {} : { told: since(told) }),
    said: /^ .*(?:not up|ended by itself).*$/m.exec(run.stderr)?.[0].trim() ?? "",
    showsLog: /^ {2}(?:\| |it has printed nothing)/m.test(run.stderr),
    code: ended.code,
    ended: since(ended.at),
    gone,
    afterOne,
    afterFive,
    left: run.left(),
    deaths: deathsIn(join(run.testDirectory, "journal", "events.jsonl")),
    report: await reported(at),
  };
}

function orderOf(which: keyof typeof tests): Order {
  const [file, test] = tests[which];
  return { command: [tandem], file, test, args: ["--set", `venv=${venv}`, "--set", `model=${model}`] };
}

function times(count: number, moment: Kill["moment"]): readonly Kill["moment"][] {
  return Array.from({ length: count }, () => moment);
}

async function partIn(run: RunningTandem, { pid }: ProcessEntry): Promise<ProcessEntry> {
  return run.until(`a part of ${pid}`, () => partOf(pid));
}

async function leftAfter(tree: Holdings, seconds: number): Promise<Left> {
  await pause(seconds * 1_000);
  return tree.left();
}

async function emptied(tree: Holdings): Promise<number> {
  const giveUp = performance.now() + 20_000;
  while (tree.left().processes.length > 0 && performance.now() < giveUp) await pause(50);
  return performance.now();
}

function deathsIn(events: string): readonly string[] {
  const kinds = [...(unlessGone(() => readFileSync(events, "utf8")) ?? "").matchAll(/"kind":"(died|serviceDied|notUp)"/g)];
  return kinds.map(([, kind = ""]) => kind);
}

async function reported(at: string): Promise<Row["report"]> {
  const { code, stdout } = await reportOn(at);
  writeFileSync(join(at, "report.txt"), stdout);
  const reasons = stdout.split("\n").filter((line) => /\b(?:VALID|DEGRADED|INVALID)\b/.test(line));
  return {
    code: code ?? undefined,
    state: ["INVALID", "DEGRADED", "VALID"].find((state) => new RegExp(`\\b${state}\\b`).test(stdout)) ?? "none",
    reasons: reasons.map((line) => line.trim()),
  };
}
