import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { loadFromArguments } from "./load.ts";
import { now, type Measured } from "./measured.ts";

// The command as a user gives it, from its launch to its end: start, the rehearsal of its threads, the load, every report.

const { port, streams, requests, tokens } = loadFromArguments();
const place = mkdtempSync(join(tmpdir(), "tandem-bench-"));
const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const parameters = { url: `http://127.0.0.1:${port}`, streams, requests, tokens };
const set = Object.entries(parameters).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
const began = now();
const run = spawnSync(path("../../tandem"), ["run", path("bulk.ts"), "--no-calibration", "-o", place, ...set], { encoding: "utf8" });
const seconds = (now() - began) / 1e9;
rmSync(place, { recursive: true });
if (run.status !== 0) throw new Error(`tandem run ended with ${run.status}: ${run.stderr}`);
const measured: Measured = { seconds, events_per_second: (requests * tokens) / seconds, replies_per_second: requests / seconds };
console.log(JSON.stringify(measured));
