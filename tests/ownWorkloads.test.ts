import { readFileSync } from "node:fs";

import { afterAll, beforeAll, expect, test } from "vitest";

import { folder, tandem, type Folder } from "../src/cli/fixture.ts";

const imports = 'import { atMost, atOnce, documentQa, every, experiment, passage, simulated, testCase } from "tandem";';

const files = {
  "broken.js": `${imports}
const request = (id) => ({
  id, arrival: { kind: "at", offset: id }, messages: [{ role: "user", parts: [passage(" why")] }],
  contextTokens: 0, questionTokens: 1, reusableTokens: 0, maxOutputTokens: 1,
});
const sound = {
  kind: "mine", title: "my own", options: {},
  generate: (arrivals, seed) => ({ kind: "mine", options: {}, seed, requests: [0, 1, 2, 3].map(request) }),
  resized() { return this; },
};
const under = (workload, arrivals = atOnce()) => testCase({ engines: { plain: simulated() }, experiments: [experiment({ workload, arrivals })] });
const fails = () => { throw new RangeError("no prompts today"); };
const questions = documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 2 });
export const test_throws = () => under({ ...sound, generate: fails });
export const test_nothing = () => under({ ...sound, generate: () => undefined });
export const test_bare = () => under({ ...sound, generate: (_, seed) => ({ seed, requests: [request(0)] }) });
export const test_schedule = () => under(questions, { ...atOnce(), kind: "late", schedule: fails });
export const test_lacking = () => under({ kind: "mine", generate: sound.generate });
export const test_checks = () => ({
  ...under({ ...sound, generate: fails }),
  checks: (on) => ({ tail: atMost(on.plain.ttft.p95, 1), none: atMost(on.plain.ttft.p50, undefined) }),
});
export const test_same_again = () => under(sound);
export const test_not_resized = () => under({ ...sound, resized: fails });
export const test_resized_to_nothing = () => under({ ...sound, resized: () => undefined });
`,
};

let where: Folder;

beforeAll(() => {
  where = folder();
  for (const [name, source] of Object.entries(files)) where.write(name, source);
});

afterAll(() => where[Symbol.dispose]());

test("whatever fails in an author's own generators and arrivals is told with all other mistakes, test, experiment and line", async () => {
  const { code, stderr } = await tandem(["plan", where.at("broken.js"), "-f", "throws|nothing|bare|schedule|lacking"]);
  const line = `${where.at("broken.js")}:12: const fails = () => { throw new RangeError("no prompts today"); };`;
  expect(stderr).toContain("5 mistakes");
  expect(stderr).toContain("test_throws: my own: generate() of workload mine fails: RangeError: no prompts today");
  expect(stderr).toContain("test_nothing: my own: workload mine: generate() must give { kind, options, seed, requests }, not undefined");
  expect(stderr).toContain("test_bare: my own: workload mine: of what generate() gives, kind is missing");
  expect(stderr).toContain(
    "test_schedule: 64 context tokens, 2 questions: schedule() of arrivals late fails: RangeError: no prompts today",
  );
  expect(stderr).toContain(
    "test_lacking: experiment(): workload must also have title, a text; and options, an object of texts, numbers, true and false; and resized, a function",
  );
  expect(stderr.split(line)).toHaveLength(3);
  expect(stderr).not.toContain("a bug");
  expect(code).toBe(2);
});

test("checks of figures that there are not, or with limits that are no numbers, are told with what else is wrong, before an engine boots", async () => {
  const { code, stderr } = await tandem(["plan", where.at("broken.js"), "-f", "checks"]);
  expect(stderr).toContain("2 mistakes");
  expect(stderr).toContain("test_checks: my own: generate() of workload mine fails: RangeError: no prompts today");
  expect(stderr).toContain(
    'test_checks: checks: "none" wants at most undefined, and that is not a number; plain.ttft has no p95, did you mean p90?',
  );
  expect(code).toBe(2);
});

test("--requests that a workload of one's own does not follow is told, not ignored", async () => {
  const { code, stderr } = await tandem(["plan", where.at("broken.js"), "-f", "same_again|resized", "--requests", "2"]);
  expect(stderr).toContain("test_same_again: my own: --requests 2 asks workload mine for 2 requests, and resized(2) has 4");
  expect(stderr).toContain("test_not_resized: my own: resized(2) of workload mine fails: RangeError: no prompts today");
  expect(stderr).toContain("test_resized_to_nothing: my own: what resized(2) of workload mine gives: workload is missing");
  expect(code).toBe(2);
  expect((await tandem(["plan", where.at("broken.js"), "-f", "same_again", "--requests", "4"])).code).toBe(0);
});

test("the example of docs/workloads.md runs as it stands, and with any number of requests", async () => {
  const text = readFileSync(new URL("../docs/workloads.md", import.meta.url), "utf8");
  const [, example = ""] = /```ts\n(.*?)```/s.exec(text) ?? [];
  const file = where.write("chat.ts", example);
  const { code, stdout } = await tandem(["run", file, "--simulate", "-o", where.at("chat")]);
  expect(stdout).toContain(
    "48 questions in sessions of 4\n  better        cached is 2.5 times as fast to the first token as plain (2.0 to\n",
  );
  expect(stdout).toContain("VALID");
  expect(code).toBe(0);
  expect((await tandem(["plan", file, "--requests", "7"])).stdout).toContain("arrivals of the workload's own");
});
