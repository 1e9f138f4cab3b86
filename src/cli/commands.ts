import { runWithCrewAhead } from "./crewAhead.ts";
import { contradictions, tooMuchToSend } from "./contradictions.ts";
import {
  mostCalibratedPerSecond,
  mostPerSecond,
  mostRequests,
  mostStreams,
  mostSeed,
  mostTokens,
  mostTokensPerSecond,
  mostUsers,
  mostWorkers,
} from "./mostOf.ts";
import {
  aboveZero,
  commaList,
  gpuList,
  keyValue,
  oneOf,
  ports,
  serverUrls,
  setVariable,
  wholeNumber,
  type CommandDescription,
  type Flag,
} from "./flags.ts";
import { mistakesOfOutputDir } from "./outputPlace.ts";
import { simulatedGpu } from "../run/params.ts";

const filter: Flag = { flags: "-f, --filter <pattern>", says: "tests whose names match this regular expression (default: test_)" };
const output: Flag = { flags: "-o, --output-dir <dir>", says: "where results go", default: "outputs" };
const json: Flag = { flags: "--json", says: "results as JSON on stdout" };

/** What shapes a plan, the same for `plan` and `run`. */
const shaping: readonly Flag[] = [
  { flags: "-m, --model <model>", says: "the model test functions are given; org/name also names the files" },
  { flags: "-p, --ports <ports>", says: "ports of the engines in order: -p 8000 8001 (default: free ones)", parse: ports },
  {
    flags: "--simulate <gpu>",
    says: "--simulate, --simulate=a40: swap every engine for the simulated one of that GPU, in virtual time",
    parse: simulatedGpu,
  },
  {
    flags: "--seed <n>",
    says: "seed of the first experiment, one more for each after it (default: the file's own; with --attach a new one)",
    parse: wholeNumber("--seed", 0, mostSeed),
  },
  {
    flags: "--requests <n>",
    says: "requests of every experiment (default: the file's own; with --attach 20)",
    parse: wholeNumber("--requests", 1, mostRequests),
  },
  { flags: "--only <engines>", says: "only these engines of a test: --only plain,cached", parse: commaList },
  { flags: "--gpus <ids>", says: "GPUs to use, by number or UUID: --gpus 2,3", parse: gpuList },
  { flags: "--set <key=value>", says: "a parameter for the test functions (params.set.key); may be repeated", parse: keyValue },
  { flags: "--attach <urls>", says: "without a file: one or two servers that are up, the first is the baseline", parse: serverUrls },
  {
    flags: "--context <tokens>",
    says: "with --attach: context tokens of each request (default: 2048)",
    parse: wholeNumber("--context", 1, mostTokens),
  },
  {
    flags: "--rate <n>",
    says: "with --attach: requests per second, at even distances (default: 1)",
    parse: aboveZero("--rate", mostPerSecond),
  },
  {
    flags: "--concurrency <n>",
    says: "with --attach, instead of a rate: so many requests at a time, the next when one is answered",
    parse: wholeNumber("--concurrency", 1, mostUsers),
  },
  { flags: "--api <api>", says: "with --attach: chat or completions (default: chat)", parse: oneOf("--api", "chat", "completions") },
  {
    flags: "--api-key-env <name>",
    says: "with --attach: the environment variable that holds the API key",
    parse: setVariable("--api-key-env"),
  },
  { flags: "--accept-any-certificate", says: "with --attach: take a certificate of the server's own making" },
];

const failOn: Flag = {
  flags: "--fail-on <verdict>",
  says: "exit 1 when a comparison says this: worse",
  parse: oneOf("--fail-on", "worse"),
};

const workers: Flag = {
  flags: "--workers <n>",
  says: "threads that send and read (default: 1); more for thousands of streams, where cores are free",
  parse: wholeNumber("--workers", 1, mostWorkers()),
};

const stamps: Flag = {
  flags: "--stamps <source>",
  says: "who stamps what is received: the kernel (default, where it can be had), or whoever reads it: read",
  parse: oneOf("--stamps", "kernel", "read"),
};

/** Every command of the command line, as data. */
export const commands: readonly CommandDescription[] = [
  {
    name: "run",
    argument: "[file]",
    says: "run the tests of a file, and report",
    flags: [
      filter,
      { flags: "-l, --list", says: "list the tests that would run, and stop" },
      output,
      ...shaping,
      workers,
      stamps,
      { flags: "--no-calibration", says: "do not measure the harness's own error; marks the run" },
      { flags: "--journal-only", says: "write no reports: tandem report DIR makes them, here or on another machine" },
      failOn,
      json,
    ],
    examples: [
      "tandem run tests/quickstart.ts -o outputs/",
      "tandem run tests/lmcache.ts -f local_cpu --simulate",
      "tandem run --attach http://127.0.0.1:8000 --context 8192 --requests 40 --rate 2",
    ],
    contradictions,
    foundLater: mistakesOfOutputDir,
    load: runWithCrewAhead,
  },
  {
    name: "list",
    argument: "<file>",
    says: "list the tests of a file",
    flags: [filter, json],
    examples: ["tandem list tests/lmcache.ts"],
    load: async () => (await import("./list.ts")).list,
  },
  {
    name: "plan",
    argument: "[file]",
    says: "show engines, exact commands, requests, ports, GPUs and minutes; boots nothing",
    flags: [filter, ...shaping, json],
    examples: ["tandem plan tests/lmcache.ts", "tandem plan tests/lmcache.ts --simulate=a40"],
    contradictions,
    load: async () => (await import("./plan.ts")).plan,
  },
  {
    name: "report",
    argument: "<path>",
    says: "make every report again from a run's journal, or from a CSV of lmcache-tests; exits as the run would have",
    flags: [{ flags: "-o, --output-dir <dir>", says: "also put copies there (default: beside what was read)" }, failOn, json],
    examples: ["tandem report outputs/", "tandem report old/test_lmcache_local_cpu.csv"],
    foundLater: mistakesOfOutputDir,
    load: async () => (await import("./report.ts")).report,
  },
  {
    name: "calibrate",
    says: "measure the harness's own error against an engine that knows the truth",
    flags: [
      { flags: "--streams <n>", says: "streams open at the same time (default: 64)", parse: wholeNumber("--streams", 1, mostStreams) },
      {
        flags: "--tokens-per-second <n>",
        says: "of each stream (default: 50)",
        parse: wholeNumber("--tokens-per-second", 1, mostTokensPerSecond),
      },
      workers,
      stamps,
      {
        flags: "--rate <n>",
        says: "requests sent per second, for 4 s, with replies that keep so many streams open (default: one after the other on each stream)",
        parse: wholeNumber("--rate", 1, mostCalibratedPerSecond),
      },
      { flags: "--context <tokens>", says: "prompt tokens of each request (default: 512)", parse: wholeNumber("--context", 1, mostTokens) },
      json,
    ],
    contradictions: tooMuchToSend,
    examples: ["tandem calibrate --streams 256 --tokens-per-second 50", "tandem calibrate --streams 256 --rate 100"],
    load: async () => (await import("./calibrate.ts")).calibrate,
  },
  {
    name: "doctor",
    says: "say what this machine has for running engines, what it lacks, and what to do about it",
    flags: [json],
    examples: ["tandem doctor", "tandem doctor --json"],
    load: async () => (await import("./doctor.ts")).doctor,
  },
  {
    name: "setup",
    argument: "<what>",
    says: "make a Python environment of its own with engines that are known to fit: vllm-lmcache",
    flags: [
      { flags: "--into <dir>", says: "an empty or new directory (default: ~/.cache/tandem/WHAT)" },
      { flags: "--cpu", says: "for machines without a GPU, with a tiny model to try it with" },
      { flags: "--dry-run", says: "only print what it would do" },
    ],
    examples: ["tandem setup vllm-lmcache --cpu", "tandem setup vllm-lmcache --into /data/engines"],
    load: async () => (await import("./setup.ts")).setup,
  },
  {
    name: "init",
    argument: "<dir>",
    says: "write an example test file, and the tsconfig that lets an editor find the types",
    flags: [],
    examples: ["tandem init my-benchmarks"],
    load: async () => (await import("./init.ts")).init,
  },
];
