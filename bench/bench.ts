import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { cells, clientNames, isInC, workersOf, type Cell, type ClientName } from "./cells.ts";
import { isKept, runsToTheLastKept } from "./kept.ts";
import * as machine from "./machine.ts";
import { benchPeers } from "./peers.ts";
import { report, type Run } from "./table.ts";

const usage = `npm run bench -- [--quick] [--only NAME[,NAME]] [--clients NAME[,NAME]] [--repeats N] [--python PATH] [--install] [--no-store]
npm run bench -- --peers [--quick] [--only NAME] [--no-store]

Tandem's load core beside a client in C and the clients that other tools are made of, against a server that knows what it wrote when.

  --quick      a third of the length, one run each
  --only       cells whose name starts so: bulk, one-token, paced, kept, burst, slip, memory, or bulk-64, paced-1000, …
  --clients    ${clientNames.join(", ")}
  --repeats    runs of C, Tandem and the bare timer, in turn; the median counts (3). Peers run once
  --python     a Python that has aiohttp and httpx
  --install    fetch aiohttp, httpx and the openai package into .cache/bench first
  --peers      instead: vllm bench serve, GuideLLM, AIPerf and inference-perf, installed into .cache/bench (gigabytes), beside Tandem;
               its cells: peers-64, peers-256, peers-1000, peers-failing
  --no-store   leave bench/results/ as it is`;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    clients: { type: "string", default: clientNames.join(",") },
    repeats: { type: "string" },
    python: { type: "string" },
    install: { type: "boolean", default: false },
    peers: { type: "boolean", default: false },
    "no-store": { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) console.log(usage);
else await bench();

async function bench(): Promise<void> {
  machine.compile();
  if (values.peers) return benchPeers({ quick: values.quick, only: values.only, store: !values["no-store"] });
  if (values.install) machine.installPeers();
  const python = machine.pythonWithClients(values.python);
  const programs = programsWith(python);
  for (const name of values.clients.split(","))
    if (programs[name as ClientName] === undefined) console.error(`SKIPPED: ${name} (bench --install fetches it)`);
  const runs: Run[] = [];
  const { kept = [], ...others } = Object.groupBy(chosenCells(), ({ group }) => group);
  for (const cell of Object.values(others).flat()) runs.push(...(await runCell(cell, programs)));
  runs.push(...(await searchKept(kept, programs)));
  const result = {
    date: new Date().toISOString(),
    quick: values.quick,
    machine: { ...machine.describeMachine(), python: python === undefined ? "none" : machine.versionOf(python) },
    runs,
  };
  const text = report(result);
  console.log(text);
  if (!values["no-store"]) store(result, text);
}

type Programs = Readonly<Partial<Record<ClientName, readonly string[]>>>;

function programsWith(python: string | undefined): Programs {
  const node = (file: string) => [process.execPath, join(machine.clientPrograms, file)];
  const flags = ["--single-threaded-gc", "--no-memory-reducer", "--initial-old-space-size=128"]; // as ./tandem
  const stampedWhenRead = [process.execPath, ...flags, join(machine.clientPrograms, "tandem.ts")];
  const native = machine.nativeLibrary();
  const asTheCommand = native === undefined ? stampedWhenRead : ["env", `LD_PRELOAD=${native}`, ...stampedWhenRead];
  return {
    c: [join(machine.cache, "client")],
    "c-kernel": [join(machine.cache, "client")],
    tandem: asTheCommand,
    "tandem-two": asTheCommand,
    "tandem-read": stampedWhenRead,
    "tandem-complete": asTheCommand,
    "tandem-complete-two": asTheCommand,
    "tandem-run": node("tandemRun.ts"),
    "node-http": node("nodeHttp.ts"),
    fetch: node("fetch.ts"),
    ...(machine.hasOpenAi() ? { openai: node("openai.ts") } : {}),
    ...(python === undefined ? {} : { aiohttp: [python, join(machine.clientPrograms, "aiohttp_client.py")] }),
    ...(python === undefined ? {} : { httpx: [python, join(machine.clientPrograms, "httpx_client.py")] }),
    timer: [join(machine.cache, "timer")],
  };
}

function chosenCells(): readonly Cell[] {
  const wanted = values.only.split(",");
  return cells(values.quick).filter(({ name }) => wanted.some((start) => name.startsWith(start)));
}

/** Ours and the limit in turn, several times, so that a busy moment hits both; then everybody else once. */
async function runCell(cell: Cell, programs: Programs): Promise<readonly Run[]> {
  const clients = clientsOf(cell, programs);
  const repeats = Number(values.repeats ?? (values.quick ? 1 : 3));
  const order = [...Array.from({ length: repeats }, () => clients.filter(isClose)).flat(), ...clients.filter((client) => !isClose(client))];
  const runs: Run[] = [];
  for (const client of order) runs.push(await runOnce(cell, client, programs[client] ?? []));
  return runs;
}

/** For each client the most streams whose stamps are right, each number tried twice before it is given up: a busy moment is not the client's. */
async function searchKept(levels: readonly Cell[], programs: Programs): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (const client of levels[0] === undefined ? [] : clientsOf(levels[0], programs)) {
    const tryTwice = async (cell: Cell) => {
      const first = await runOnce(cell, client, programs[client] ?? []);
      return isKept(first) ? first : runOnce(cell, client, programs[client] ?? []);
    };
    runs.push(...(await runsToTheLastKept(levels, tryTwice)));
  }
  return runs;
}

function clientsOf(cell: Cell, programs: Programs): readonly ClientName[] {
  return cell.clients.filter((client) => values.clients.split(",").includes(client) && programs[client] !== undefined);
}

function isClose(client: ClientName): boolean {
  return isInC(client) || client === "timer" || client.startsWith("tandem");
}

async function runOnce(cell: Cell, client: ClientName, [program = "", ...args]: readonly string[]): Promise<Run> {
  using server = await machine.startServer(cell.server);
  const directory = mkdtempSync(join(tmpdir(), "tandem-bench-"));
  const journal = isComplete(client) ? ["--journal", directory, "--server-pid", `${server.pid}`] : [];
  const before = machine.load();
  const flags = [...args, ...(client === "timer" ? [] : [`${server.port}`]), ...flagsOf(cell, client), ...journal];
  const measured = await machine.runClient(program, flags, coresOf(client));
  rmSync(directory, { recursive: true });
  const late = cell.flags["paced"] === 1 && client !== "timer" ? { serverLate: await server.lateShare() } : {};
  console.error(
    `${cell.name} ${client}: ${typeof measured === "string" ? `FAILED: ${measured}` : brief({ ...measured, ...late })} (load ${before.toFixed(1)})`,
  );
  return { cell: cell.name, client, load: before, ...late, ...(typeof measured === "string" ? { failure: measured } : { measured }) };
}

/** What a user runs has the server's core too, as a user's run has; its load threads leave that to the server where they can. */
function coresOf(client: ClientName): readonly number[] {
  const own = machine.clientCores(workersOf(client));
  return isComplete(client) ? [machine.serverCore, ...own] : own;
}

function isComplete(client: ClientName): boolean {
  return client === "tandem-complete" || client === "tandem-complete-two" || client === "tandem-run";
}

function flagsOf({ flags, events }: Cell, client: ClientName): readonly string[] {
  const { paced, seconds, tokens = 1, ...rest } = flags;
  if (client === "timer") return ["--rate", `${flags["rate"]}`, "--seconds", `${seconds}`];
  const requests = events === undefined ? {} : { requests: Math.ceil(events(client) / tokens) };
  const workers = workersOf(client) === 1 ? {} : { workers: workersOf(client) };
  // The C client tells by itself whether there is a truth to compare with.
  const only = client === "c-kernel" ? { "kernel-stamps": 1 } : isInC(client) || paced === undefined ? {} : { paced };
  const all = { ...rest, tokens, ...requests, ...workers, ...only };
  return Object.entries(all).flatMap(([name, value]) => [`--${name}`, `${value}`]);
}

function brief(measured: object): string {
  return Object.entries(measured)
    .map(([name, value]) => `${name} ${typeof value === "number" ? Number(value.toPrecision(4)) : JSON.stringify(value)}`)
    .join(", ");
}

function store(result: object, text: string): void {
  const directory = fileURLToPath(new URL("results", import.meta.url));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "latest.json"), `${JSON.stringify(result, undefined, 2)}\n`);
  writeFileSync(join(directory, "latest.md"), text);
}
