import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { folder, quickTest, tandem, type Folder } from "../src/cli/fixture.ts";
import { reports } from "../src/render/reports.ts";

const headline = "tests/lmcache.ts";
const extensions = reports.map(({ extension }) => extension);

function sums(where: Folder, base: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    extensions.map((extension) => [
      extension,
      createHash("sha256")
        .update(readFileSync(where.at(`${base}.${extension}`)))
        .digest("hex"),
    ]),
  );
}

/** The arguments an engine would be started with, and its environment, as `plan --json` tells them. */
async function planned(...args: readonly string[]) {
  const { code, stdout } = await tandem(["plan", "--json", ...args]);
  expect(code).toBe(0);
  const [test] = JSON.parse(stdout);
  return test;
}

interface PlannedTimes {
  readonly minutes: number;
  readonly untimed?: readonly number[];
}

describe("the headline of lmcache-tests, simulated", () => {
  let first: Folder;
  let again: Folder;
  let other: Folder;
  let took: number;
  let said: Awaited<ReturnType<typeof tandem>>;
  let otherSaid: Awaited<ReturnType<typeof tandem>>;

  beforeAll(async () => {
    [first, again, other] = [folder(), folder(), folder()];
    const from = performance.now();
    said = await tandem(["run", "--simulate", headline, "-f", "^test_lmcache_local_c.u$", "-o", first.path]);
    took = (performance.now() - from) / 1_000;
    await tandem(["run", headline, "--simulate", "-o", again.path]);
    const changed = ["--simulate=a40", "--seed", "7", "--requests", "8", "-m", "THUDM/glm-4-9b-chat", "--json"];
    otherSaid = await tandem(["-o", other.path, headline, ...changed]);
  }, 60_000);

  afterAll(() => {
    for (const where of [first, again, other]) where[Symbol.dispose]();
  });

  test("takes seconds for minutes of schedule, and exits with 0", () => {
    expect(said.code).toBe(0);
    expect(took).toBeLessThan(15);
    expect(said.stderr).toContain("about 1 min 12 s");
  });

  test("results go to stdout, the comparison first, then the table, then the paths; progress goes to stderr", () => {
    const lines = said.stdout.split("\n");
    const place = (part: string) => lines.findIndex((line) => line.includes(part));
    expect(place("cached is")).toBeGreaterThan(0);
    expect(place("cached is")).toBeLessThan(place("TTFT"));
    expect(place("TTFT")).toBeLessThan(place(first.at("test_lmcache_local_cpu.simulated.csv")));
    expect(said.stdout).not.toContain("ready after");
    expect(said.stderr).toContain("ready after");
  });

  test("the same seed gives the same bytes, another run by other words as well", () => {
    expect(sums(again, "test_lmcache_local_cpu.simulated")).toEqual(sums(first, "test_lmcache_local_cpu.simulated"));
  });

  test("another seed, GPU, model and number of requests give others, named by the model's organisation", () => {
    const [one, two] = [sums(first, "test_lmcache_local_cpu.simulated"), sums(other, "test_lmcache_local_cpu_THUDM.simulated")];
    for (const extension of extensions) expect(two[extension]).not.toBe(one[extension]);
    // 3 contexts, 2 engines, 8 requests, and the heading.
    expect(other.read("test_lmcache_local_cpu_THUDM.simulated.csv").trim().split("\n")).toHaveLength(3 * 2 * 8 + 1);
  });

  test("every artefact says simulated, in its name and inside", () => {
    const names = first
      .files()
      .filter((name) => extensions.some((extension) => name.endsWith(`.${extension}`)) && !/run|journal|workloads|test\.json/.test(name));
    expect(names).toHaveLength(reports.length);
    for (const name of names) expect(name).toContain(".simulated.");
    expect(first.read("test_lmcache_local_cpu.simulated.html").toLowerCase()).toContain("simulated: no engine was measured");
    expect(first.read("test_lmcache_local_cpu.simulated.csv")).toContain("simulated");
    expect(JSON.parse(first.read("test_lmcache_local_cpu.simulated.json"))).toMatchObject({ simulated: true });
    expect(said.stdout).toContain("simulated: no engine was measured");
  });

  test("--json prints every figure and the paths, one line a test, and nothing else", () => {
    expect(otherSaid.stdout.trim().split("\n")).toHaveLength(1);
    const result = JSON.parse(otherSaid.stdout);
    expect(result).toMatchObject({ test: "test_lmcache_local_cpu", organisation: "THUDM", simulated: true });
    expect(result.experiments.map(({ seed }: { seed: number }) => seed)).toEqual([7, 8, 9]);
    expect(result.artefacts).toEqual(extensions.map((e) => other.at(`test_lmcache_local_cpu_THUDM.simulated.${e}`)));
  });

  test("report makes the same bytes again from the journal", async () => {
    const { code, stdout } = await tandem(["report", again.at("runs"), "-o", again.at("copies")]);
    expect(code).toBe(0);
    expect(stdout).toContain(again.at("copies", "test_lmcache_local_cpu.simulated.pdf"));
    expect(sums(again, "copies/test_lmcache_local_cpu.simulated")).toEqual(sums(first, "test_lmcache_local_cpu.simulated"));
  });
});

test("another seed alone changes the reports: they say which it was", async () => {
  using where = folder();
  const file = where.write("quick.ts", quickTest());
  for (const seed of ["1", "2"]) await tandem(["run", file, "--simulate", "--seed", seed, "-o", where.at(seed)]);
  const page = (seed: string) => where.read(seed, "test_quick.simulated.html");
  expect(page("1")).not.toBe(page("2"));
});

test("-l lists and runs nothing; -f is a regular expression; list --json is for programs", async () => {
  using where = folder();
  const file = where.write(
    "many.js",
    "/** The first. It is short. */\nexport function test_a() {}\nexport const test_b = () => {};\nexport function other() {}\n",
  );
  expect((await tandem(["run", file, "-l"], { cwd: where.path })).stdout).toBe("test_a  The first.\ntest_b\n");
  expect((await tandem([file, "-l", "-f", "_[bx]|^other$"], { cwd: where.path })).stdout).toBe("test_b\nother\n");
  const { stdout } = await tandem(["list", file, "--json"]);
  expect(JSON.parse(stdout)).toEqual([{ name: "test_a", summary: "The first." }, { name: "test_b" }]);
  expect(where.files()).toEqual(["many.js"]);
});

test("-p gives each engine its port, also before a FILE, and --gpus each its GPU", async () => {
  const { engines } = await planned("-p", "8123", "8124", headline, "--gpus", "2,3");
  expect(engines).toMatchObject([
    {
      name: "cached",
      command: expect.arrayContaining(["--port", "8123"]),
      environment: { added: { CUDA_VISIBLE_DEVICES: "2" } },
      batch: 0,
    },
    { name: "plain", command: expect.arrayContaining(["--port", "8124"]), environment: { added: { CUDA_VISIBLE_DEVICES: "3" } }, batch: 0 },
  ]);
});

test("one GPU for two engines that do not fit together: they are up in turn", async () => {
  const { engines, experiments } = await planned(headline, "--gpus", "5");
  expect(engines).toMatchObject([
    { gpus: ["5"], batch: 0 },
    { gpus: ["5"], batch: 1 },
  ]);
  expect(experiments[0]).toMatchObject({ order: "inTurn" });
});

test("--only leaves engines out, --requests and --seed change every experiment", async () => {
  const { engines, baseline, experiments } = await planned(headline, "--only", "plain", "--requests", "3", "--seed", "40");
  expect(engines).toMatchObject([{ name: "plain" }]);
  expect(baseline).toBe("plain");
  expect(experiments).toMatchObject([40, 41, 42].map((seed) => ({ seed, workload: { requests: 3 } })));
});

test("a plan tells each experiment's requests, blocks and deadlines", async () => {
  using where = folder();
  const file = where.write(
    "blocks.js",
    `import { documentQa, every, experiment, simulated, testCase } from "tandem";
const workload = documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 3 });
const twice = experiment({ workload, arrivals: every({ seconds: 1 }), repeats: 2, deadlines: { connect: 0.5, experiment: 60 } });
const slowly = experiment({ workload, arrivals: every({ seconds: 59.9 }) });
export const test_blocks = () => testCase({ engines: { plain: simulated() }, experiments: [twice, slowly] });
`,
  );
  const { code, stdout } = await tandem(["plan", file, "--simulate"]);
  expect(code).toBe(0);
  expect(stdout).toContain("6 requests to plain, 2 blocks, seed 0");
  expect(stdout).toContain("one every 59.9 s, last due after 2 min 0 s;");
  expect(stdout).toContain("deadlines in seconds: connect 0.5, first token 120, idle stream 60, whole request 600, experiment 60");
});

test("a plan tells the minutes of what is known, also where a closed loop waits for answers, and where that is", async () => {
  using where = folder();
  const file = where.write(
    "loops.js",
    `import { closedLoop, documentQa, every, experiment, simulated, testCase } from "tandem";
const workload = documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 61 });
const even = experiment({ workload, arrivals: every({ seconds: 8 }) });
const thinking = experiment({ workload, arrivals: closedLoop({ concurrency: 6, thinkSeconds: 60 }) });
const loop = experiment({ workload, arrivals: closedLoop({ concurrency: 6 }) });
const briefly = experiment({ workload, arrivals: closedLoop({ concurrency: 6, thinkSeconds: 7 }), order: "inTurn", repeats: 2 });
const of = (...experiments) => testCase({ engines: { plain: simulated() }, experiments });
export const test_both = () => of(even, thinking);
export const test_even = () => of(even);
export const test_loop = () => of(loop);
export const test_turns = () => of(briefly);
`,
  );
  const { stdout } = await tandem(["plan", file]);
  expect([...stdout.matchAll(/^ {2}takes .*$/gm)].flat()).toEqual([
    "  takes about 18 minutes, and as long as the engines need to answer", // 8 of even gaps, 10 of thinking
    "  takes about 8 minutes",
    "  takes as long as the engines need to answer",
    "  takes about 2 minutes, and as long as the engines need to answer", // 70 s of thinking in each of 2 blocks
  ]);
  const times = JSON.parse((await tandem(["plan", "--json", file])).stdout).map(({ minutes, untimed }: PlannedTimes) => [minutes, untimed]);
  expect(times).toEqual([
    [18, [1]],
    [8, undefined],
    [0, [0]],
    [2, [0]],
  ]);
});

test("--set and -m reach the test function", async () => {
  using where = folder();
  const file = where.write(
    "given.ts",
    `import { documentQa, every, experiment, simulated, testCase, type Params } from "tandem";
export function test_given({ model, set }: Params) {
  const workload = documentQa({ contextTokens: Number(set.tokens), questionTokens: 4, documents: 1, requests: 1 });
  return testCase({ engines: { [set.name!]: simulated({ model }) }, experiments: [experiment({ workload, arrivals: every({ seconds: 1 }) })] });
}
`,
  );
  const { engines, experiments } = await planned(
    file,
    "--set",
    "name=a=b".replace("=b", ""),
    "--set",
    "tokens=77",
    "-m",
    "THUDM/glm-4-9b-chat",
  );
  expect(engines).toMatchObject([{ name: "a", model: "THUDM/glm-4-9b-chat" }]);
  expect(experiments).toMatchObject([{ title: "77 context tokens, 1 question" }]);
  const { stderr } = await tandem(["plan", file, "--set", "name=a", "--set", "token=77", "--set", "other=1"]);
  expect(stderr).toContain(
    "warning: --set token: no test reads it; they read tokens\ntandem: test_given: documentQa(): contextTokens must be",
  );
});

describe("mistakes in a call", () => {
  test.each([
    { args: ["run", headline, "--simulat"], says: "--simulate" },
    { args: ["rum", headline], says: "run" },
    { args: ["run", headline, "--fliter", "x"], says: "(Did you mean --filter?)\n  tandem run --help tells what it takes\n" },
    { args: ["list", headline, "-f"], says: "argument missing\n  tandem list --help tells what it takes\n" },
    { args: ["list"], says: "tandem list --help tells what it takes\n" },
    { args: ["--fliter"], says: "unknown option '--fliter'\n  tandem --help tells what it takes\n" },
    { args: ["run"], says: "no test file given" },
    { args: ["run", headline, "-p", "80000"], says: "a port is a number from 1 to 65535" },
    { args: ["run", headline, "-p", "8000", "8000"], says: "port 8000 is asked for twice" },
    { args: ["run", headline, "--seed", "1.5"], says: "--seed 1.5: a whole number of at least 0 is wanted" },
    { args: ["run", headline, "--requests", "0"], says: "--requests 0: a whole number of at least 1 is wanted" },
    { args: ["run", headline, "--set", "url"], says: "--set url: key=value is wanted" },
    { args: ["run", headline, "--only", "plian"], says: "did you mean plain? it has cached, plain" },
    { args: ["run", headline, "--fail-on", "better"], says: "--fail-on better: worse is wanted" },
    { args: ["run", headline, "-f", "["], says: "is not a regular expression" },
    { args: ["run", headline, "--simulate=h10"], says: 'did you mean "h100"?' },
    { args: ["run", headline, "--simulate", "-m", "org/name"], says: 'the simulated engine has no model "org/name"' },
    { args: ["run", headline, "--attach", "http://127.0.0.1:9"], says: "a test file and --attach at once" },
    { args: ["run", headline, "--rate", "3", "--api", "chat"], says: "--rate, --api: only for --attach, and there is a test file" },
    { args: ["run", "--attach", "http://127.0.0.1:9", "--rate", "0"], says: "--rate 0: a number above 0 is wanted" },
    { args: ["run", "--attach", "http://127.0.0.1:9", "--rate", "3", "--concurrency", "2"], says: "--rate and --concurrency at once" },
    { args: ["run", "--attach", "http://127.0.0.1:9", "--api-key-env", "TANDEM_TEST_UNSET"], says: "TANDEM_TEST_UNSET" },
    { args: ["run", "--attach", "http://127.0.0.1:9", "ftp://x"], says: "--attach: ftp://x is not the http or https URL of a server" },
    { args: ["run", "--attach", "127.0.0.1:9"], says: "--attach: 127.0.0.1:9 is not the http or https URL of a server" },
    { args: ["run", headline, "--accept-any-certificate"], says: "--accept-any-certificate: only for --attach" },
    {
      args: ["run", "--attach", "http://127.0.0.1:9", "--context", "1000000000000", "--rate", "1e9"],
      says: "--rate 1e9: at most 1,000,000 is wanted",
    },
    { args: ["run", "--attach", "http://127.0.0.1:9", "--rate", "1e-300"], says: "it would wait more than a year for one of its requests" },
    { args: ["calibrate", "--streams", "99999999999999999999"], says: "--streams 99999999999999999999: at most 28,000 is wanted" },
    { args: ["calibrate", "--workers", "1000", "--context", "1000000000000"], says: "2 mistakes" },
    { args: ["calibrate", "--streams", "20000", "--context", "100000"], says: "prompts of 2,000,000,000 tokens at the same time" },
    { args: ["report", "tests"], says: "holds no test of a run" },
    { args: ["report", "tests/nothing"], says: "tests/nothing is not there" },
    { args: ["report", "tests/nothing.csv"], says: "tandem: tests/nothing.csv is not there\n  give an outputs directory, " },
    { args: ["report", "README.md/a.csv"], says: "tandem: README.md/a.csv is not there\n  give" },
    { args: ["report", "README.md"], says: "or a CSV of lmcache-tests (its name ends in .csv)" },
  ])("$args exits with 2 and says $says", async ({ args, says }) => {
    using where = folder();
    const { code, stdout, stderr } = await tandem(args[0] === "run" ? [...args, "-o", where.at("out")] : args);
    expect(stderr).toContain(says);
    expect(stdout).toBe("");
    expect(code).toBe(2);
    expect(where.files()).toEqual([]);
  });
});

test("a directory that is called a CSV is said to be none", async () => {
  using where = folder();
  mkdirSync(where.at("a.csv"));
  const { code, stderr } = await tandem(["report", where.at("a.csv")]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("a.csv is a directory, and no CSV\n")]);
});

test("a calibration of thousands of streams ends when it is told to, with no figures that it does not have", async () => {
  let ended = 0;
  const { code, stdout, stderr } = await tandem(["calibrate", "--streams", "9000"], {
    started: (child) => {
      setTimeout(() => {
        child.kill("SIGTERM");
        ended = performance.now();
      }, 4_000);
    },
  });
  expect(performance.now() - ended).toBeLessThan(3_000);
  expect([code, stdout]).toEqual([130, ""]);
  expect(stderr).toContain("interrupted: nothing was measured to its end");
});

test("mistakes in several flags are told together, each with what is wanted", async () => {
  using where = folder();
  const wrong = [
    "--requests",
    "0",
    "--context",
    "-5",
    "--workers",
    "x",
    "--api",
    "foo",
    "--fail-on",
    "better",
    "--rate",
    "2",
    "--concurrency",
    "3",
  ];
  const { code, stderr } = await tandem(["run", "--attach", "http://127.0.0.1:9", "ftp://x", ...wrong], { cwd: where.path });
  expect(code).toBe(2);
  expect(stderr).toContain("7 mistakes");
  for (const flag of [
    "--requests 0",
    "--context -5",
    "--workers x",
    "--api foo",
    "--fail-on better",
    "ftp://x",
    "--rate and --concurrency",
  ]) {
    expect(stderr).toContain(flag);
  }
  const unknown = await tandem(["run", headline, "--fliter", "x", "--seed", "x"], { cwd: where.path });
  expect(unknown.stderr).toContain("--filter");
  expect(unknown.stderr).toContain("--seed x");
});

test("a CSV that tandem wrote is not reported over the reports of its run, which know more; elsewhere it is, with what it cannot tell", async () => {
  using where = folder();
  await tandem(["run", headline, "-f", "test_lmcache_local_cpu", "--simulate=a40", "-o", where.at("out")]);
  const csv = where.files().find((name) => /^out\/[^/]+\.csv$/.test(name)) ?? "none";
  const before = where.read(csv.replace(".csv", ".json"));
  const over = await tandem(["report", where.at(csv)]);
  expect(over.stderr).toContain("was written by tandem");
  expect([over.code, where.read(csv.replace(".csv", ".json"))]).toEqual([2, before]);
  const elsewhere = await tandem(["report", where.at(csv), "-o", where.at("elsewhere")]);
  expect(elsewhere.stdout).toContain("a CSV says neither what was in the way");
  expect([elsewhere.code, where.files().some((name) => name.startsWith("elsewhere/"))]).toEqual([0, true]);
});

test("where results cannot be written, it says so at once, and leaves nothing behind", async () => {
  using where = folder();
  const file = where.write("quick.ts", quickTest());
  where.write("taken", "not a directory");
  chmodSync(where.write("closed/mine", ""), 0o400);
  chmodSync(where.at("closed"), 0o500);
  // Nothing is closed to root.
  const closed = process.getuid?.() === 0 ? [] : [where.at("closed"), where.at("closed", "below")];
  // Where Node's recursive mkdir never returns.
  const endless = process.platform === "linux" ? ["/proc/x"] : [];
  for (const output of [where.at("taken"), where.at("taken", "below"), ...closed, ...endless]) {
    const { code, stdout, stderr } = await tandem(["run", file, "--simulate", "-o", output]);
    expect(stderr).toContain(`${output} cannot be written to: `);
    expect(stderr).toContain("-o DIR");
    expect(stdout).toBe("");
    expect(code).toBe(2);
  }
  expect(where.files()).toEqual(expect.arrayContaining(["closed/mine", "quick.ts", "taken"]));
  expect(where.files()).toHaveLength(3);
});

test("init writes a test file that runs, whose types the editor finds, and overwrites nothing", async () => {
  using where = folder();
  const { code, stdout } = await tandem(["init", where.at("my tests")]);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`try it: tandem run '${where.at("my tests")}/mine.ts' -o '`)]);
  expect((await tandem(["run", where.at("my tests", "mine.ts"), "--simulate", "-o", where.at("out")])).code).toBe(0);
  where.write("my tests/suite.ts", 'import { describeEngine } from "tandem/testing";\nexport const suite = describeEngine;\n');
  const compiler = spawnSync(join("node_modules", ".bin", "tsc"), ["-p", where.at("my tests")], { encoding: "utf8" });
  expect(compiler.stdout).toBe("");
  const again = await tandem(["init", where.at("my tests")]);
  expect(again.code).toBe(2);
  expect(again.stderr).toContain("already has mine.ts and tsconfig.json");
});

test("a CSV of lmcache-tests becomes PDF and HTML beside it, and stays as it is: failures are failures, gaps are not known", async () => {
  using where = folder();
  const head = "expr_id,timestamp,engine_id,request_id,TTFT,throughput,latency,context_len,query_len,gpu_memory";
  const rows = [
    "0,0.0,0,0,5.88,30.1,12.5,8192,16,",
    "0,8.0,0,1,0.25,31.0,6.7,8192,16,",
    "0,0.0,1,0,5.2,30.0,11.8,8192,16,",
    "0,8.0,1,1,-1,-1,-1,8192,16,",
  ];
  const text = `${[head, ...rows].join("\n")}\n`;
  const file = where.write("old.csv", text);
  const { code, stdout } = await tandem(["report", file]);
  expect(code).toBe(0);
  expect(where.read("old.csv")).toBe(text);
  expect(where.files().toSorted()).toEqual(extensions.map((extension) => `old.${extension}`).toSorted());
  expect(stdout).toMatch(/engine 1 +5\.20 s +33\.5 ms +– +11\.8 s .* 1\/2/);
});
