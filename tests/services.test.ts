import { chmodSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

import { expect, test } from "vitest";

import { folder, tandem, type Calling, type Folder } from "../src/cli/fixture.ts";

/** Two simulated engines; "beside" needs a small server, which ends by itself when it is asked for /end. */
function serviceTest(): string {
  const source = `require("node:http").createServer((request, response) => response.end("ok", () => { if (request.url === "/end") process.exit(7); })).listen(Number(process.argv[1]), "127.0.0.1");`;
  return `import { documentQa, every, experiment, simulated, testCase } from "tandem";
export function test_beside() {
  const plain = simulated({ timeScale: 0.1 });
  const store = {
    name: "store", kind: "small store", needs: {},
    launch: { kind: "process", ports: ["main"], missing: "", command: ({ ports }) => ({ program: "node", args: ["-e", ${JSON.stringify(source)}, String(ports.main)], env: {} }) },
    ready: { check: { kind: "http", port: "main", path: "/" }, within: 20 },
  };
  const beside = { ...plain, services: () => ({ store }) };
  const workload = documentQa({ contextTokens: 512, questionTokens: 8, documents: 1, requests: 8, outputTokens: 4 });
  return testCase({ engines: { plain, beside }, baseline: "plain", experiments: [experiment({ workload, arrivals: every({ seconds: 0.8 }) })] });
}
`;
}

/** Ends the server once the run has said so. */
function endsItAfter(sign: string): NonNullable<Calling["saying"]> {
  let ended = false;
  return (stderr) => {
    const [, address] = /beside\.store: ready .*, (127\.0\.0\.1:\d+)/.exec(stderr) ?? [];
    if (ended || address === undefined || !stderr.includes(sign)) return;
    ended = true;
    fetch(`http://${address}/end`).catch(() => {}); // it may be gone before its answer is read
  };
}

function testDirectory(outputs: string): string {
  const [run = ""] = readdirSync(join(outputs, "runs"));
  return join(outputs, "runs", run, "test_beside");
}

test("plan shows a service with its exact command, and for whom it is", async () => {
  using where = folder();
  const { stdout, code } = await tandem(["plan", where.write("beside.js", serviceTest())]);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    / {2}beside\.store: small store, for beside\n {4}main {5}127\.0\.0\.1:\d+ \(free now; chosen at the start\)\n {4}command {2}node -e /,
  );
});

test("a service is started before its engine and ended after it, its log stays, and test.json describes it", async () => {
  using where = folder();
  const { stderr, code } = await tandem(["run", where.write("beside.js", serviceTest()), "-o", where.at("out"), "--no-calibration"]);
  expect([0, 4]).toContain(code); // INVALID on a machine that is too busy
  expect(stderr).toContain("beside.store: ready");
  expect(stderr.indexOf("beside.store: ready")).toBeLessThan(stderr.indexOf("beside: booting"));
  const directory = testDirectory(where.at("out"));
  expect(readdirSync(join(directory, "services", "beside.store"))).toEqual(expect.arrayContaining(["stderr.log", "stdout.log"]));
  const { services } = JSON.parse(readFileSync(join(directory, "test.json"), "utf8")) as { services: unknown };
  expect(services).toMatchObject([{ name: "beside.store", kind: "small store", engines: ["beside"] }]);
  const kinds = readFileSync(join(directory, "journal", "events.jsonl"), "utf8").match(/"kind":"(?:gone|serviceGone)"/g);
  expect(kinds?.at(-1)).toBe('"kind":"serviceGone"');
});

/** A driver whose only GPU has 600 MiB in use for as long as there is the file `held`; what it has told is in `told`. */
function driver(where: Folder): Readonly<Record<string, string>> {
  const program = where.write(
    "bin/nvidia-smi",
    `#!/bin/sh
case "$*" in
  *-lms*) echo "0, 100, 0, 50, 100"; exec sleep 60;;
  *uuid*) echo "0, GPU-1, H100, 81559";;
  *memory.used*) { [ -e ${where.at("held")} ] && echo 600 || echo 0; } | tee -a ${where.at("told")};;
esac
`,
  );
  chmodSync(program, 0o755);
  return { PATH: `${where.at("bin")}${delimiter}${process.env["PATH"] ?? ""}` };
}

/** Half a second longer than it is asked to, the server holds GPU memory. */
function holdingTest(held: string): string {
  const holds = `const { rmSync, writeFileSync } = require("node:fs"); writeFileSync("${held}", ""); process.on("SIGTERM", () => setTimeout(() => { rmSync("${held}"); process.exit(); }, 500));`;
  return serviceTest()
    .replace('"-e", "', `"-e", "${JSON.stringify(holds).slice(1, -1)} `)
    .replace("{ ...plain, services", "{ ...plain, gpus: 1, gpuShare: 0.5, services")
    .replace('engines: { plain, beside }, baseline: "plain"', "engines: { beside }");
}

test("GPU memory is looked at before a service starts, and when it has ended: later than the engine that needs it", async () => {
  using where = folder();
  const args = ["run", where.write("beside.js", holdingTest(where.at("held"))), "-o", where.at("out"), "--no-calibration"];
  const { code, stderr } = await tandem(args, { env: driver(where) });
  // Is there enough, and how much is in use, before; and after.
  expect(where.read("told").split("\n").slice(0, -1)).toEqual(["0", "0", "0"]);
  expect([0, 4]).toContain(code); // INVALID on a machine that is too busy
  expect(stderr).not.toContain("in use on GPU");
});

test("a service that ends by itself in the middle of a run is in the journal, makes its engine INVALID, and stops the test: exit 3", async () => {
  using where = folder();
  const args = ["run", where.write("beside.js", serviceTest()), "-o", where.at("out"), "--no-calibration"];
  const { stdout, stderr, code } = await tandem(args, { saying: endsItAfter("experiment 0:") });
  expect(stderr).toContain("beside.store: ended by itself, and beside needed it: service beside.store exited with status 7");
  expect(stdout.replaceAll(/\s+/g, " ")).toMatch(/INVALID .{0,20}service beside\.store exited with status 7 while engines needed it/);
  expect(readFileSync(join(testDirectory(where.at("out")), "journal", "events.jsonl"), "utf8")).toContain('"kind":"serviceDied"');
  expect(code).toBe(3);
});

test("services that are not there are told together before anything boots: exit 3", async () => {
  using where = folder();
  const source = serviceTest().replace(
    "services: () => ({ store })",
    'services: () => ({ one: redis({ name: "one", program: "no-such-redis" }), two: redis({ name: "two", at: "127.0.0.1:9" }) })',
  );
  const file = where.write("absent.js", source.replace("import { ", "import { redis, "));
  const { stderr, code } = await tandem(["run", file, "-o", where.at("out"), "--no-calibration"]);
  expect(stderr).toContain("service beside.one, which beside needs, is the program no-such-redis, and it is not here");
  expect(stderr).toContain("service beside.two is said to run at 127.0.0.1:9, but PING is not answered (ECONNREFUSED)");
  expect(stderr).not.toContain("booting");
  expect(code).toBe(3);
});

test("engines that boot while a service ends are not waited for, and the service is named as the cause: exit 3", async () => {
  using where = folder();
  const never = `launch: { ...plain.launch, ready: { path: "/health", within: 300 }, command: () => ({ program: "node", args: ["-e", "setInterval(() => {}, 1000)"], env: {} }) }, services`;
  const file = where.write("beside.js", serviceTest().replace("...plain, services", `...plain, ${never}`));
  const from = performance.now();
  const { stderr, code } = await tandem(["run", file, "-o", where.at("out"), "--no-calibration"], {
    saying: endsItAfter("beside: booting"),
  });
  expect(stderr).toContain("service beside.store ended by itself while engines needed it");
  expect(performance.now() - from).toBeLessThan(60_000);
  expect(code).toBe(3);
});
