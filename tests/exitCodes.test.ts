import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { basename, dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { folder, quickTest, tandem } from "../src/cli/fixture.ts";

const tandemCommand = new URL("../tandem", import.meta.url).pathname;

/** One engine of a test, its command given: what a user's own kind of engine would be. */
function engineTest(command: string): string {
  return `import { documentQa, every, experiment, simulated, testCase } from "tandem";
const like = simulated({ prefixCaching: false });
export function test_own() {
  const workload = documentQa({ contextTokens: 512, questionTokens: 8, documents: 1, requests: 30, outputTokens: 4 });
  const own = { ...like, launch: { ...like.launch, missing: "get it from your shop", command: ${command} } };
  return testCase({ engines: { own }, experiments: [experiment({ workload, arrivals: every({ seconds: 0.05 }) })] });
}
`;
}

const judged = `import { atMost, documentQa, every, experiment, ratio, simulated, testCase } from "tandem";
const engines = { plain: simulated({ prefixCaching: false }), cached: simulated({ prefixCaching: false, cpuCacheGigabytes: 20 }) };
const of = (deadlines) => [
  experiment({ workload: documentQa({ contextTokens: 8192, questionTokens: 8, documents: 1, requests: 8, outputTokens: 4 }), arrivals: every({ seconds: 1 }), deadlines }),
];
export const test_unmet = () =>
  testCase({
    engines, baseline: "plain", experiments: of({}),
    checks: (on) => ({ "a tenth of the wait": atMost(ratio(on.cached.warm.ttft.p50, on.plain.warm.ttft.p50), 0.1) }),
  });
export const test_worse = () => testCase({ engines, baseline: "cached", experiments: of({}) });
export const test_invalid = () => testCase({ engines, baseline: "plain", experiments: of({ request: 0.05 }) });
`;

/** Port 1 is nobody's. */
const blockedBesideGood = `import { attached, documentQa, every, experiment, simulated, testCase } from "tandem";
const workload = documentQa({ contextTokens: 512, questionTokens: 8, documents: 1, requests: 4, outputTokens: 4 });
const experiments = [experiment({ workload, arrivals: every({ seconds: 0.05 }) })];
export const test_good = () => testCase({ engines: { plain: simulated({ prefixCaching: false }) }, experiments });
export const test_blocked = () => testCase({ engines: { server: attached({ url: "http://127.0.0.1:1" }) }, experiments });
export const test_nothing = () => [];
`;

describe("a run that came to its end", () => {
  test.each([
    { pattern: "unmet", args: [], code: 1, says: /not met .*a tenth of the wait/s },
    { pattern: "worse", args: ["--fail-on", "worse"], code: 1, says: /worse +plain takes/ },
    { pattern: "invalid|unmet", args: [], code: 4, says: /INVALID/ },
  ])("$pattern $args: exit $code, and the same of its report", async ({ pattern, args, code, says }) => {
    using where = folder();
    const file = where.write("judged.js", judged);
    const called = await tandem(["run", file, "-f", pattern, "--simulate", "-o", where.at("out"), ...args]);
    expect(called.stdout).toMatch(says);
    expect(called.code).toBe(code);
    const reported = await tandem(["report", where.at("out")]);
    expect(reported.stdout).toMatch(says);
    expect(reported.code).toBe(code);
  });

  test("without --fail-on worse ends well where a comparison came out worse, and its report where that is not asked", async () => {
    using where = folder();
    const file = where.write("judged.js", judged);
    const called = await tandem(["run", file, "-f", "worse", "--simulate", "-o", where.at("out")]);
    const reported = await tandem(["report", where.at("out")]);
    const failuresIn = (paths: string) => /^.*\.xml$/m.exec(paths)?.map((path) => readFileSync(path, "utf8").includes("<failure "));
    expect(failuresIn(reported.stdout)).toEqual([false]);
    const asked = await tandem(["report", where.at("out"), "--fail-on", "worse"]);
    expect([called.code, reported.code, asked.code]).toEqual([0, 0, 1]);
    expect(failuresIn(asked.stdout)).toEqual([true]); // where the command does
    const csv = async (...flags: string[]) =>
      tandem(["report", where.at("out/test_worse.simulated.csv"), "-o", where.at("of-csv"), ...flags]);
    expect([(await csv()).code, (await csv("--fail-on", "worse")).code]).toEqual([0, 1]);
  });
});

test("checks of engines that are up in turn are evaluated once, when both were measured", async () => {
  using where = folder();
  const checks = 'checks: (on) => ({ "both answer": atLeast(Math.min(on.plain.requests, on.cached.requests), 4) }),';
  const file = quickTest({ requests: 4, more: checks }).replaceAll(
    /simulated\((\{[^}]*\})\)/g,
    "{ ...simulated($1), gpus: 1, gpuShare: 0.9 }",
  );
  const args = ["--no-calibration", "--gpus", "0", "--json", "-o", where.at("out")];
  const { stdout } = await tandem(["run", where.write("turns.ts", file), ...args]);
  expect(JSON.parse(stdout)).toMatchObject({ experiments: [{ order: "inTurn" }], verdicts: [{ ok: true, observed: 4 }] });
});

describe("a test that cannot be run here", () => {
  test.each([
    { pattern: "good|blocked|nothing", tests: ["test_good", "test_blocked"] },
    { pattern: "blocked", tests: ["test_blocked"] },
  ])("$pattern: exit 3, and the same of its report, which says why", async ({ pattern, tests }) => {
    using where = folder();
    const out = where.at("out");
    const file = where.write("two.js", blockedBesideGood);
    await tandem(["run", file, "-f", "good", "--simulate", "-o", out]); // an earlier run that went well
    await pause(1_000); // runs sort by the second
    const called = await tandem(["run", file, "-f", pattern, "-o", out, "--no-calibration"]);
    expect(called.code).toBe(3);
    expect(called.stderr).toMatch(/test_blocked: .*http:\/\/127\.0\.0\.1:1\b.*/);
    const reported = await tandem(["report", out]);
    expect(reported.code).toBe(3);
    expect(reported.stderr).toMatch(/tandem: test_blocked could not be run: .*http:\/\/127\.0\.0\.1:1\b/);
    expect(reported.stderr.includes("test_nothing: skipped, it returned []")).toBe(pattern.includes("nothing"));
    expect(reported.stderr).not.toContain("never began");
    const [latest = ""] = where
      .files()
      .filter((name) => name.endsWith("run.json"))
      .toSorted()
      .toReversed();
    expect(JSON.parse(where.read(latest))).toMatchObject({ tests, blocked: [{ test: "test_blocked", exitCode: 3 }] });
    // As a run of before: it named only the tests that were begun.
    const { blocked: _blocked, ...older } = JSON.parse(where.read(latest)) as Record<string, unknown>;
    where.write(latest, JSON.stringify({ ...older, tests: tests.slice(0, -1) }));
    expect((await tandem(["report", out])).code).toBe(tests.length === 1 ? 2 : 0);
  });
});

test("yesterday's green XML of tests that are blocked or skipped today is replaced, and what else stays is told", async () => {
  using where = folder();
  const out = where.at("out");
  const before = ["test_blocked", "test_nothing-1.simulated", "test_nothing-2.simulated", "test_nothing_else"];
  for (const base of before) for (const kind of ["csv", "xml"]) where.write(`out/${base}.${kind}`, "of a run before");
  const file = where.write("two.js", blockedBesideGood);
  const { code, stdout, stderr } = await tandem(["run", file, "-f", "blocked|nothing", "-o", out]);
  expect(code).toBe(3);
  expect(where.read("out", "test_blocked.xml")).toMatch(
    /tests="1" failures="0" errors="1" skipped="0" timestamp="20.*<error message="could not be run: /s,
  );
  for (const base of before.slice(1, 3)) expect(where.read("out", `${base}.xml`)).toContain('<skipped message="skipped, it returned []"/>');
  for (const base of before) expect(where.read("out", `${base}.csv`)).toBe("of a run before");
  expect(where.read("out", "test_nothing_else.xml")).toBe("of a run before");
  const left = `nothing was measured: the copies in ${out} are left as they are, but for the XML, which says so`;
  expect(stderr).toContain(`test_blocked: ${left}`);
  expect(stderr).toContain(`test_nothing: ${left}`);
  expect(stdout).toContain(where.at("out", "test_blocked.xml"));
  const again = await tandem(["report", out, "-o", where.at("elsewhere")]);
  expect(again.stderr).not.toContain("left as they are");
  expect(where.read("elsewhere", "test_blocked.xml")).toBe(where.read("out", "test_blocked.xml"));
  expect(where.read("elsewhere", "test_nothing.xml")).toContain("<skipped");
});

test("reports of one test that cannot be written do not keep the next from being run, and the worst code wins", async () => {
  using where = folder();
  const file = where.write("judged.js", judged);
  const inTheWay = () => mkdirSync(where.at("out", "test_unmet.simulated.pdf"), { recursive: true });
  const { code, stdout, stderr } = await tandem(["run", file, "-f", "unmet|worse", "--simulate", "-o", where.at("out")], {
    saying: (said) => {
      if (said.includes("test_unmet: ")) inTheWay(); // after it was looked for
    },
  });
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /out\/test_unmet\.simulated\.pdf cannot be written: it is a directory\n {2}move away what is in its place, then: tandem report \S+\/test_unmet -o \S+\/out\n/,
  );
  expect(stdout).toMatch(/not met .*a tenth of the wait/s); // a full disk must not cost the answer
  expect(stdout).toContain(where.at("out", "test_worse.simulated.pdf"));
});

test("a run that cannot be written to, an archive's, is reported elsewhere with -o, and the rest of it where one test cannot", async () => {
  using where = folder();
  const file = where.write("judged.js", judged);
  await tandem(["run", file, "-f", "unmet|worse", "--simulate", "--journal-only", "-o", where.at("out")]);
  const unmet = where.files().find((name) => name.endsWith("test_unmet/test.json")) ?? "";
  mkdirSync(where.at(dirname(unmet), "test_unmet.simulated.html"));
  const here = await tandem(["report", where.at("out")]);
  expect(here.code).toBe(2);
  expect(here.stdout).toMatch(/test_worse\.simulated\.pdf$/m);
  const elsewhere = await tandem(["report", where.at("out"), "-o", where.at("elsewhere")]);
  expect(elsewhere.stderr).toMatch(
    /^warning: .*test_unmet\.simulated\.html cannot be written: it is a directory; reports are only in .*elsewhere$/m,
  );
  expect(elsewhere.code).toBe(1); // of the check that was not met
  expect(where.files().filter((name) => name.startsWith("elsewhere/"))).toHaveLength(12);
});

test("jobs that report the same test to the same directory all end well, and the reports there are of one of them", async () => {
  using where = folder();
  const file = where.write("judged.js", judged);
  const seeds = ["1", "2", "3"];
  const jobs = seeds.map(async (seed) => tandem(["run", file, "-f", "worse", "--simulate", "--seed", seed, "-o", where.at("out")]));
  expect((await Promise.all(jobs)).map(({ code, stderr }) => `${code} ${stderr}`)).toEqual(
    seeds.map(() => expect.stringMatching(/^0 (?!.*cannot be written)/s)),
  );
  const reports = where.files().filter((name) => /^out\/[^/]+$/.test(name));
  expect(reports).toHaveLength(6);
  const runs = where.files().filter((name) => name.endsWith("test_worse/test_worse.simulated.csv"));
  const isSameAsIn = (run: string) =>
    reports.every((name) => readFileSync(where.at(name)).equals(readFileSync(where.at(dirname(run), basename(name)))));
  expect(runs.filter(isSameAsIn)).toHaveLength(1);
});

describe("whoever reads along may leave", () => {
  test.each(["| head -1", "2>&1 | head -1", ">/dev/full"])("run … %s: the other tests run, and the exit code is theirs", async (reader) => {
    using where = folder();
    const file = where.write("judged.js", judged);
    const run = `${tandemCommand} run ${file} -f 'unmet|worse' --simulate -o ${where.at("out")} ${reader}; echo "code \${PIPESTATUS[0]}" >&2`;
    const { stderr } = spawnSync("bash", ["-c", run], { encoding: "utf8" });
    // What cannot be written to a full disk is a result that was asked for.
    expect(stderr).toContain(`code ${reader === ">/dev/full" ? 2 : 1}`);
    expect(where.files()).toEqual(expect.arrayContaining(["out/test_unmet.simulated.csv", "out/test_worse.simulated.csv"]));
  });
});

test("a run whose directory somebody removes ends within seconds, and says so", async () => {
  using where = folder();
  const file = where.write("long.ts", quickTest({ requests: 200, seconds: 0.1, outputTokens: 8 }));
  const began = performance.now();
  const { code, stderr } = await tandem(["run", file, "-o", where.at("out"), "--no-calibration"], {
    saying: (said) => {
      if (said.includes("experiment 0: 512")) setTimeout(() => rmSync(where.at("out"), { recursive: true, force: true }), 2_000);
    },
  });
  expect(stderr).toMatch(/tandem: .*test_quick was removed while it was written: what was recorded is lost/);
  expect(code).toBe(2);
  expect(performance.now() - began).toBeLessThan(15_000); // the load alone would take 20 s
});

test("so does one whose engines boot, and it is not the engines' failure", async () => {
  using where = folder();
  const never = '() => ({ program: "node", args: ["-e", "setTimeout(() => {}, 60_000)"], env: {} })';
  const { code, stderr } = await tandem(["run", where.write("own.ts", engineTest(never)), "-o", where.at("out"), "--no-calibration"], {
    saying: (said) => {
      if (said.includes("booting")) setTimeout(() => rmSync(where.at("out"), { recursive: true, force: true }), 1_000);
    },
  });
  expect(stderr).toMatch(
    /^tandem: \S+test_own was removed while it was written: what was recorded is lost\n {2}leave a run's directory alone/m,
  );
  expect(code).toBe(2);
});

test.runIf(process.platform === "linux")("a terminal that nobody gave a size is written to all the same", () => {
  using where = folder();
  const file = where.write("judged.js", judged);
  const run = where.write(
    "run.sh",
    `stty cols 0 rows 0\n${tandemCommand} run ${file} -f unmet --simulate -o ${where.at("out")}\necho "code $?"\n`,
  );
  const { stdout } = spawnSync("script", ["-qec", `sh ${run}`, "/dev/null"], { encoding: "utf8" });
  expect(stdout).toMatch(/not met.*a tenth of the wait/s);
  expect(stdout).toContain("code 1");
});

test.runIf(process.platform === "linux")("on a terminal messages are wrapped to its width; in a log each has a line", () => {
  using where = folder();
  const call = `${tandemCommand} run ${where.write("judged.js", judged)} -f unmet --simulate -o ${where.at("out")}`;
  const run = where.write("run.sh", `stty cols 66 rows 40\n${call}\n`);
  const begins = "  experiment 0: 8,192 context tokens, 8 questions; 16 requests,";
  const { stdout } = spawnSync("script", ["-qec", `sh ${run}`, "/dev/null"], { encoding: "utf8" });
  expect(stdout.replaceAll("\r", "")).toContain(`${begins}\n    engines at the same time, about 7 s\n`);
  const { stderr } = spawnSync("sh", ["-c", call], { encoding: "utf8" });
  expect(stderr).toContain(`${begins} engines at the same time, about 7 s\n`);
});

test.runIf(process.platform === "linux")("a shell in which too few files may be open is told so before anything boots: exit 2", () => {
  using where = folder();
  const file = where.write("quick.ts", quickTest());
  const limited = ["-c", 'ulimit -n 60; exec "$0" "$@"', tandemCommand, "run", file, "-o", where.at("out")];
  const { status, stderr } = spawnSync("sh", limited, { encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toBe("tandem: no more than 60 files may be open, too few for a run\n  raise the limit in this shell: ulimit -n 65536\n");
  expect(where.files()).toEqual(["quick.ts"]);
});

test("a shell whose directory was removed is told so before anything boots, whatever is called: exit 2", () => {
  using where = folder();
  const file = where.write("quick.ts", quickTest());
  for (const args of [["run", file, "-o", where.at("out")], ["doctor"]]) {
    const gone = ["-c", 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"', where.at("gone"), tandemCommand, ...args];
    const { status, stderr } = spawnSync("sh", gone, { encoding: "utf8" });
    expect(status).toBe(2);
    expect(stderr).toContain("tandem: the directory this shell is in was removed\n  change into one that is there: cd\n");
  }
  expect(where.files()).toEqual(["quick.ts"]);
});

describe("an engine that is not there: exit 3, and a report of what there is", () => {
  test("its port is somebody else's: who has it, before anything is measured", async () => {
    using where = folder();
    const file = where.write("quick.ts", quickTest());
    const foreign = createServer((_, response) => response.end("hello"));
    let asked = 0;
    foreign.on("request", () => asked++);
    await once(foreign.listen(0, "127.0.0.1"), "listening");
    const { port } = foreign.address() as AddressInfo; // it listens on TCP
    const { code, stderr } = await tandem(["run", file, "-p", String(port), "-o", where.at("out")]);
    foreign.close();
    expect(code).toBe(3);
    expect(stderr).toContain(`engine plain cannot have port ${port}: process ${process.pid} (`);
    expect(asked).toBe(0);
    expect(where.files().filter((path) => path.includes("journal"))).toEqual([]);
  });

  test("its program is missing: which, and how to get it", async () => {
    using where = folder();
    const file = where.write("own.ts", engineTest('() => ({ program: "no-such-engine-here", args: [], env: {} })'));
    const { code, stderr } = await tandem(["run", file, "-o", where.at("out"), "--no-calibration"]);
    expect(code).toBe(3);
    expect(stderr).toContain("engine own needs the program no-such-engine-here, and it is not here");
    expect(stderr).toContain("get it from your shop");
  });

  test("it crashes while it boots: command, status, its last words and where its logs are", async () => {
    using where = folder();
    const crash = `() => ({ program: "node", args: ["-e", "console.error('CUDA out of memory'); process.exit(7)"], env: {} })`;
    const { code, stderr } = await tandem(["run", where.write("own.ts", engineTest(crash)), "-o", where.at("out"), "--no-calibration"]);
    expect(code).toBe(3);
    expect(stderr).toContain("engine own exited with status 7 before it was ready");
    expect(stderr).toContain("command: node -e");
    expect(stderr).toContain("| CUDA out of memory");
    expect(stderr).toContain("engines/own/stderr.log");
  });

  test("it does not come up: the latest reports stay those of the run before, which measured something, and the XML says so", async () => {
    using where = folder();
    const crash = `() => ({ program: "node", args: ["-e", "process.exit(7)"], env: {} })`;
    const file = where.write("own.ts", engineTest(crash));
    for (const name of ["csv", "pdf", "html", "json", "xml"]) where.write(`out/test_own.simulated.${name}`, "of a run before");
    const { code, stdout, stderr } = await tandem(["run", file, "-o", where.at("out"), "--no-calibration"]);
    expect(code).toBe(3);
    expect(where.read("out", "test_own.simulated.csv")).toBe("of a run before");
    expect(stderr).toContain(`nothing was measured: the copies in ${where.at("out")} are left as they are`);
    expect(stdout).toMatch(/out\/runs\/\S+\/test_own\/test_own\.simulated\.pdf/);
    expect(where.files().filter((name) => name.endsWith("test_own.simulated.csv"))).toHaveLength(2);
    expect((await tandem(["report", where.at("out")])).code).toBe(3);
    expect(where.read("out", "test_own.simulated.xml")).toMatch(/<error message="INVALID&#10;own: exited with status 7/);
  });

  test("it takes less than is to be sent: told once it is up, and nothing is sent to it", async () => {
    using where = folder();
    const replies = { "/health": {}, "/v1/models": { data: [{ id: "small", max_model_len: 256 }] } };
    const completion = { choices: [{ text: "a", message: { content: "a" } }] };
    const server = where.write(
      "server.mjs",
      `import { appendFileSync } from "node:fs";
      import { createServer } from "node:http";
      const replies = ${JSON.stringify(replies)};
      createServer((request, response) => {
        appendFileSync(${JSON.stringify(where.at("asked"))}, request.url + "\\n");
        response.end(JSON.stringify(replies[request.url] ?? ${JSON.stringify(completion)}));
      }).listen(Number(process.argv[2]), "127.0.0.1");`,
    );
    const command = `({ port }) => ({ program: "node", args: [${JSON.stringify(server)}, String(port)], env: {} })`;
    const own = engineTest(command).replace("...like, launch", '...like, wire: { ...like.wire, model: "small" }, launch');
    const { code, stderr } = await tandem(["run", where.write("own.ts", own), "-o", where.at("out"), "--no-calibration"]);
    expect(stderr).toMatch(/engine own says that it takes 256 tokens; the longest request has 52\d with its answer/);
    expect(code).toBe(3);
    const completions = where.read("asked").match(/completions/g) ?? [];
    expect(completions).toHaveLength(1); // the one that showed that it is up
  });

  test("it dies while it is measured: told with its last words, and the run is INVALID", async () => {
    using where = folder();
    const file = where.write("own.ts", engineTest(inTheMiddle('console.error("Xid 79: fell off the bus"); process.exit(9);')));
    const { code, stdout, stderr } = await tandem(["run", file, "-o", where.at("out"), "--no-calibration"]);
    expect(code).toBe(3);
    expect(stderr).toContain("engine own ended by itself while it was measured");
    expect(stderr).toContain("| Xid 79: fell off the bus");
    expect(stdout).toContain("INVALID");
    expect(stdout).toContain(where.at("out", "test_own.simulated.pdf"));
    const [, ...rows] = where.read("out", "test_own.simulated.csv").trim().split("\n");
    expect(rows).toHaveLength(30);
    expect((await tandem(["report", where.at("out")])).code).toBe(3);
  });
});

describe("an engine that answers to the end, and is INVALID for what it did in the middle: exit 4", () => {
  test("it complains in its log of what it must not", async () => {
    using where = folder();
    const claims = 'claims: () => ({ traits: [], never: [{ what: "its store", pattern: /unhealthy/ }] })';
    const own = engineTest(inTheMiddle('console.error("the store is unhealthy");')).replace(
      "...like, launch",
      `...like, ${claims}, launch`,
    );
    const { code, stdout } = await tandem(["run", where.write("own.ts", own), "-o", where.at("out"), "--no-calibration"]);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain(
      "is not what was asked for: its store, while it was measured: wanted no complaint in its log, found the store is unhealthy",
    );
    expect(code).toBe(4);
  });

  test.runIf(process.platform === "linux")("its program opens its port anew", async () => {
    using where = folder();
    const anew =
      "const { port } = this.address(); this.close(); createServer((socket) => this.emit('connection', socket)).listen(port, '127.0.0.1');";
    const file = where.write("own.ts", engineTest(inTheMiddle(anew)));
    const { code, stdout } = await tandem(["run", file, "-o", where.at("out"), "--no-calibration"]);
    expect(stdout.replaceAll(/\s+/g, " ")).toMatch(/INVALID own: .*its program has opened its port \d+ anew/);
    expect(code).toBe(4);
  });
});

/** The command of an engine that does something in the middle of the thirty requests, after a few of those that ask whether it is up and what it caches. */
function inTheMiddle(act: string): string {
  const program = `
    import { Server } from "node:http";
    import { createServer } from "node:net";
    const { emit } = Server.prototype;
    let asked = 0;
    Server.prototype.emit = function (event, request, ...rest) {
      if (event === "request" && request.url.includes("completions") && ++asked === 20) { ${act} }
      return emit.call(this, event, request, ...rest);
    };`;
  const preload = JSON.stringify(`data:text/javascript,${encodeURIComponent(program)}`);
  return `(slot) => { const { program, args, env } = like.launch.command(slot); return { program, args: ["--import", ${preload}, ...args], env }; }`;
}
