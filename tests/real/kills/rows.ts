import type { Left } from "./holdings.ts";
import type { RunLeft } from "./running.ts";

/** What came of one kill; times in milliseconds since it. */
export interface Row {
  readonly victim: "engine" | "core" | "worker" | "server" | "harness";
  readonly moment: "boot" | "load" | "stream";
  /** Of the run, when it happened. */
  readonly age: number;
  /** When the program that the harness had started ended: with its core or worker killed, an engine does so later. */
  readonly rootEnded: number;
  /** The first line on the console that says so. */
  readonly told?: number;
  readonly said: string;
  /** Whether last lines of a log were shown. */
  readonly showsLog: boolean;
  /** Of the run. */
  readonly code: number | undefined;
  readonly ended: number;
  /** When nobody of the killed tree was left. */
  readonly gone: number;
  /** So many seconds after the end of the program that the harness had started. */
  readonly afterOne: Left;
  readonly afterFive: Left;
  /** Of the whole run: 5 s after its harness was killed, else 2 s after it had ended. */
  readonly left: RunLeft;
  readonly deaths: readonly string[];
  readonly report: { readonly code: number | undefined; readonly state: string; readonly reasons: readonly string[] };
}

/** A boot crash is shown this many milliseconds after it happened. */
const bootCrashShownWithin = 200;

/** What is not as it should be. */
export function amiss(row: Row): readonly string[] {
  const { left, report } = row;
  const judged: readonly (readonly [string, boolean])[] = [
    [
      `left behind: ${[...row.afterFive.processes, ...left.processes].join(", ")}`,
      row.afterFive.processes.length + left.processes.length > 0,
    ],
    [`ports still open: ${left.ports.join(", ")}`, left.ports.length > 0],
    [`shared memory: ${left.sharedMemory.join(", ")}`, left.sharedMemory.length > 0],
    [`tandem report exits with ${report.code}`, report.code !== (row.victim === "harness" ? 4 : 3)],
    [`the report says ${report.state}`, report.state !== "INVALID"],
    ...(row.victim === "harness" ? [] : untold(row)),
  ];
  return judged.flatMap(([what, isAmiss]) => (isAmiss ? [what] : []));
}

function untold({ victim, moment, told, rootEnded, code, showsLog, deaths }: Row): readonly (readonly [string, boolean])[] {
  const late = told === undefined ? Infinity : told - rootEnded;
  return [
    ["nothing was told", told === undefined],
    [`told ${Math.round(late)} ms after it had ended`, moment !== "stream" && late > bootCrashShownWithin],
    ["no last lines of its log", !showsLog],
    [`exit code ${code}`, code !== 3],
    [
      `in the journal: ${deaths.join(", ")}`,
      !deaths.includes(victim === "server" ? "serviceDied" : moment === "stream" ? "died" : "notUp"),
    ],
  ];
}

const columns = [
  "killed",
  "run's age",
  "its program ended",
  "told then",
  "exit code",
  "run ended",
  "tree gone",
  "left after 1 s, 5 s",
  "ports",
  "/dev/shm",
  "temporary files",
  "report",
];

/** Markdown. */
export function table(rows: readonly Row[]): readonly string[] {
  const lines = [columns, columns.map((_, index) => (index === 0 ? "---" : "--:")), ...rows.map(cells)];
  return lines.map((line) => `| ${line.join(" | ")} |`);
}

function cells(row: Row): readonly string[] {
  const { victim, moment, told, left } = row;
  return [
    `${victim}, ${moment}`,
    seconds(row.age),
    victim === "harness" ? "" : seconds(row.rootEnded),
    told === undefined ? "" : `${Math.round(told - row.rootEnded)} ms`,
    row.code === undefined ? "" : String(row.code),
    victim === "harness" ? "" : seconds(row.ended),
    seconds(row.gone),
    `${row.afterOne.processes.length}, ${row.afterFive.processes.length}`,
    String(left.ports.length),
    String(left.sharedMemory.length),
    String(left.temporary.length),
    `${row.report.code}, ${row.report.state}`,
  ];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(2)} s`;
}
