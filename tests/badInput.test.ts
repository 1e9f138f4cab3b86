import { afterAll, beforeAll, expect, test } from "vitest";

import { folder, quickTest, tandem, type Folder } from "../src/cli/fixture.ts";

let where: Folder;

beforeAll(() => {
  where = folder();
  for (const [name, source] of Object.entries(files)) where.write(name, source);
});

afterAll(() => where[Symbol.dispose]());

const imports = 'import { attached, documentQa, every, experiment, simulated, testCase, vllm } from "tandem";';

const files = {
  "syntax.ts": "export function test_x() {\n  return testCase({ engines: { a: );\n}\n",
  "syntax.js": "export function test_x() {\n  return {{;\n}\n",
  "import.ts": '\nimport { nothing } from "./nothing.ts";\nexport const test_x = nothing;\n',
  "package.js": 'import nothing from "no-such-package-here";\nexport const test_x = nothing;\n',
  "name.ts": 'import { simulatd } from "tandem";\nexport const test_x = simulatd;\n',
  "type.ts": 'import { testCase, Params } from "tandem";\nexport const test_x = (params: Params) => testCase(params);\n',
  "top.ts": '\n\nthrow new Error("no model today");\n',
  "enum.ts": "enum Colour { Red }\nexport function test_x() { return Colour.Red; }\n",
  "broken.ts": "export const a = ;\n",
  "usesBroken.ts": 'import { a } from "./broken.ts";\nexport const test_x = a;\n',
  "empty.ts": "",
  "values.ts": "export const test_x = 1;\n",
  "notes.txt": "",
  "cases.js": `${imports}
const experiments = [experiment({ workload: documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 2 }), arrivals: every({ seconds: 1 }) })];
export const test_case = testCase({ engines: { plain: simulated() }, experiments });
export const test_list = [test_case];
export const test_good = () => test_case;
`,
  "extension.ts": 'import { nothing } from "./values";\n',
  "other.js": "export function test_long_name() {}\nexport function test_b() {}\n",
  "directory/quick.ts": quickTest(),
  "mixed.js": `${imports}
const workload = documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 2 });
const quick = experiment({ workload, arrivals: every({ seconds: 1 }) });
export const test_good = () => testCase({ engines: { plain: simulated() }, experiments: [quick] });
export const test_nothing = () => [];
export const test_throws = () => { throw new TypeError("boom"); };
export async function test_promise() { return test_good(); }
export const test_number = () => 5;
export const test_plain_object = () => ({ engines: { a: { port: 1 } }, experiments: [{}] });
export const test_misspelt = () =>
  testCase({ engines: { plain: simulated({ prefixCachign: true, gpuMemoryUtilisation: 0.5, tensorParallel: 0 }) }, experiments: [quick] });
export const test_no_baseline = () => testCase({ engines: { a: simulated(), b: simulated() }, experiments: [quick], chekcs: () => ({}) });
export const test_forgot = () => { testCase({ engines: { plain: simulated() }, experiments: [quick] }); };
`,
  "misspelt.yaml": "chunk_sise: 256\nlocal_cpu: true\n",
  "twoEras.yaml": "local_device: cpu\nlocal_cpu: true\n",
  "caches.ts": `${imports.replace("vllm }", "vllm, withLmcache }")}
const experiments = [experiment({ workload: documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 2 }), arrivals: every({ seconds: 1 }) })];
const plain = vllm({ model: "m" });
export const test_option = () => testCase({ engines: { plain: vllm({ model: "m", maxModelLength: 9 } as never) }, experiments });
export const test_files = () =>
  testCase({
    engines: { one: withLmcache(plain, { config: "misspelt.yaml" }), two: withLmcache(plain, { config: "twoEras.yaml" }) },
    baseline: "one", experiments,
  });
export const test_absent = () => testCase({ engines: { cached: withLmcache(plain, { config: "mispelt.yaml" }) }, experiments });
`,
  "impossible.ts": `${imports}
const experiments = [experiment({ workload: documentQa({ contextTokens: 200_000, questionTokens: 4, documents: 1, requests: 1 }), arrivals: every({ seconds: 1 }) })];
export const test_simulated = () => testCase({ engines: { plain: simulated() }, experiments });
export const test_vllm = () => testCase({ engines: { plain: vllm({ model: "any", maxModelLen: 8192 }) }, experiments });
export const test_gpu = () => testCase({ engines: { plain: simulated({ gpu: "h10" }) }, experiments });
export const test_small_gpu = () => testCase({ engines: { plain: simulated({ gpu: "l4", gpuMemoryUtilization: 0.2 }) }, experiments });
export const test_attached = () => testCase({ engines: { plain: attached({ url: "http://127.0.0.1:9" }) }, experiments });
`,
} as const;

/** What is said before anything runs: exit 2, nothing on stdout, nothing written. */
async function refusal(file: string, ...args: readonly string[]): Promise<string> {
  const before = where.files();
  const { code, stdout, stderr } = await tandem(["run", file, "-o", "out", ...args], { cwd: where.path });
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).not.toContain("    at ");
  expect(where.files()).toEqual(before);
  return stderr;
}

test.each([
  { file: "syntax.ts", says: ["syntax.ts:2 cannot be loaded: SyntaxError", "line 2: return testCase({ engines: { a: );"] },
  { file: "syntax.js", says: ["syntax.js:2 cannot be loaded: SyntaxError", "line 2: return {{;"] },
  { file: "import.ts", says: ["import.ts:2 cannot be loaded", "nothing.ts", 'line 2: import { nothing } from "./nothing.ts";'] },
  { file: "extension.ts", says: ["extension.ts:1 cannot be loaded", "say how its name ends: values.ts"] },
  { file: "notes.txt", says: ["notes.txt cannot be loaded", "a test file's name ends in .ts, .mts, .js or .mjs"] },
  { file: "package.js", says: ["package.js:1 cannot be loaded", "no-such-package-here"] },
  { file: "name.ts", says: ["name.ts:1 cannot be loaded", "does not provide an export named 'simulatd'", "did you mean simulated?"] },
  { file: "type.ts", says: ["type.ts:1 cannot be loaded", 'Params is a type: import { type Params } from "tandem"'] },
  { file: "top.ts", says: ["top.ts:3 cannot be loaded: Error: no model today"] },
  { file: "enum.ts", says: ["enum.ts:1 cannot be loaded", "enum is not supported"] },
  { file: "usesBroken.ts", says: ["broken.ts:1 cannot be loaded", "line 1: export const a = ;"] },
  { file: "empty.ts", says: ["exports no function", "export function test_mine()"] },
  { file: "values.ts", says: ["exports no function"] },
  { file: "missing.ts", says: ["there is no test file missing.ts", "tandem init DIR"] },
  { file: "directory", says: ["directory is a directory, not a test file"] },
])("$file: one message, with the place and what to do", async ({ file, says }) => {
  const said = await refusal(file);
  for (const part of says) expect(said).toContain(part);
});

test("a filter that matches nothing says which names there are, and which was meant", async () => {
  expect(await refusal("other.js", "-f", "test_log_name")).toContain("did you mean test_long_name? it has test_long_name, test_b");
});

test("mistakes of all tests are told at once, each with its function and what to do", async () => {
  const said = await refusal("mixed.js");
  expect(said).toContain("7 mistakes");
  expect(said).toContain("test_forgot: returns nothing\n      return testCase({ … }), or [] where there is nothing to run today");
  expect(said).toContain("test_throws fails when called: TypeError: boom");
  expect(said).toContain('mixed.js:6: export const test_throws = () => { throw new TypeError("boom"); };');
  expect(said).toContain("test_promise: returns a promise");
  expect(said).toContain("test_number: returns a number, not a test case");
  expect(said).toContain("test_plain_object: testCase(): a is not an engine, such as vllm({ model }); experiment 0 is not one");
  expect(said).toContain(
    'there is no option "prefixCachign", did you mean "prefixCaching"?; there is no option "gpuMemoryUtilisation", ' +
      'did you mean "gpuMemoryUtilization"?; tensorParallel must be a whole number of at least 1, not 0',
  );
  expect(said).toContain('there is no option "chekcs", did you mean "checks"?');
});

test("a GPU that cannot be simulated is told once, with the other mistakes of the call", async () => {
  const said = await refusal("mixed.js", "--simulate=h10", "--requests", "x");
  expect(said).toContain("2 mistakes");
  expect(said).toContain('the simulated engine has no GPU "h10", did you mean "h100"?\n      it knows h100, h200, a100, a40, l4');
});

test("a test case that is exported itself, and not by a function, is a mistake, and not left out", async () => {
  const said = await refusal("cases.js");
  expect(said).toContain("2 mistakes");
  expect(said).toContain(
    "test_case: is a test case, not a function\n      export a function that returns it: export function test_case() { return testCase({ … }) }",
  );
  expect(said).toContain("test_list: is a test case, not a function");
});

test("mistakes that calling a function shows, and those that only its files show, are told at once, of every engine", async () => {
  const said = await refusal("caches.ts");
  expect(said).toContain("4 mistakes");
  expect(said).toContain('test_option: vllm(): there is no option "maxModelLength", did you mean "maxModelLen"?');
  expect(said).toContain("test_files: misspelt.yaml: LMCache has no key chunk_sise, did you mean chunk_size?");
  expect(said).toContain("test_files: twoEras.yaml: local_device is LMCache 0.1, local_cpu is today's: keep one of them");
  expect(said).toContain(`test_absent: there is no configuration file mispelt.yaml\n      did you mean ${where.at("misspelt.yaml")}?`);
});

test("a function that returns an empty list is told as skipped, and the others run", async () => {
  const { code, stdout, stderr } = await tandem(["mixed.js", "-f", "good|nothing", "--simulate", "-o", "ran"], { cwd: where.path });
  expect(code).toBe(0);
  expect(stderr).toContain("test_nothing: skipped, it returns []");
  expect(stdout).toContain("ran/test_good.simulated.csv");
});

test("where every function returns an empty list, that is told, by the report of the run too", async () => {
  for (const args of [
    ["plan", "mixed.js", "-f", "test_nothing"],
    ["run", "mixed.js", "-f", "test_nothing", "-o", "nothing"],
    ["report", "nothing"],
  ]) {
    const { code, stderr } = await tandem(args, { cwd: where.path });
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^test_nothing: skipped, it return(s|ed) \[\]$/m) });
  }
});

test("a forgotten return is a mistake, of one test among several too", async () => {
  expect(await refusal("mixed.js", "-f", "good|forgot")).toContain("test_forgot: returns nothing");
  expect((await tandem(["plan", "mixed.js", "-f", "forgot"], { cwd: where.path })).code).toBe(2);
});

test("what cannot work is refused before anything boots", async () => {
  const said = await refusal("impossible.ts", "-f", "simulated|vllm|gpu");
  expect(said).toContain("4 mistakes");
  expect(said).toContain("plain takes 131,072 tokens, the longest request has 200,204 with its answer");
  expect(said).toContain("plain takes 8,192 tokens, the longest request has 200,204 with its answer");
  expect(said).toContain('the simulated engine has no GPU "h10", did you mean "h100"?');
  expect(said).toContain("does not fit into 20 % of 1 l4");
});

test("an engine that nothing can stand in for is not simulated", async () => {
  const said = await refusal("impossible.ts", "-f", "attached", "--simulate");
  expect(said).toContain("engine plain (attached) cannot be simulated");
  expect(said).toContain("--only");
});

test.each([
  ["--seed", "--seed"],
  ["-o", "-o, --output-dir"],
  ["-f", "-f, --filter"],
  ["-m", "-m, --model"],
  ["--only", "--only"],
  ["--attach", "--attach"],
  ["-p", "-p, --ports"],
  ["--gpus", "--gpus"],
])("a variable that is not set is no value of %s: an empty one is told, and no default is guessed", async (flag, name) => {
  for (const empty of ["", "  "]) {
    const said = await refusal("directory/quick.ts", flag, empty);
    expect(said).toContain(`${name}: its value is empty\n`);
  }
});

test("so it is with lists of nothing, and with what a command is about", async () => {
  expect(await refusal("directory/quick.ts", "--only", ", ,", "--seed=")).toMatch(
    /^tandem: 2 mistakes\n {2}--only: its value is empty\n.*\n {2}--seed: its value is empty\n/,
  );
  expect(await refusal("")).toContain("tandem: FILE: its value is empty\n");
  const { code, stderr } = await tandem(["init", ""], { cwd: where.path });
  expect(stderr).toContain("tandem: DIR: its value is empty\n");
  expect(code).toBe(2);
});
