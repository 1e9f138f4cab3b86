import type { ServerResponse } from "node:http";

import { afterAll, beforeAll, expect, test } from "vitest";

import { folder, tandem, type Called, type Folder } from "../src/cli/fixture.ts";
import { unusualServer, type UnusualServer } from "../src/run/unusualServer.ts";

// Four servers that differ in what they tell of tokens, each of whose events carries four; asked the same in one run.

const measured = `import { attached, documentQa, every, experiment, testCase } from "tandem";
export function test_tokens({ set }) {
  const { asked, without, hanging, twice } = set;
  const engines = Object.fromEntries(Object.entries({ asked, without, hanging, twice }).map(([name, url]) => [name, attached({ url })]));
  const workload = documentQa({ contextTokens: 256, questionTokens: 8, documents: 2, requests: 6, outputTokens: 8 });
  return testCase({ engines, baseline: "asked", experiments: [experiment({ workload, arrivals: every({ seconds: 0.2 }) })] });
}
`;

let where: Folder;
let servers: Readonly<Record<string, UnusualServer>>;
let called: Called;

beforeAll(async () => {
  const usage = false;
  const tokensOfEvent = 4;
  servers = {
    asked: await unusualServer({ usage, tokensOfEvent }),
    without: await unusualServer({ usage, tokensOfEvent, tokenize: (response) => answer(response, 404, "Not Found") }),
    hanging: await unusualServer({ tokensOfEvent, tokenize: () => "answered" }),
    twice: await unusualServer({ usage, tokensOfEvent, tokenize: twiceAsMany }),
  };
  where = folder();
  const set = Object.entries(servers).flatMap(([name, { url }]) => ["--set", `${name}=${url}`]);
  called = await tandem(["run", where.write("tokens.js", measured), "-o", where.at("out"), "--no-calibration", ...set]);
}, 60_000);

afterAll(async () => {
  for (const server of Object.values(servers)) await server[Symbol.asyncDispose]();
  where[Symbol.dispose]();
});

function answer(response: ServerResponse, status: number, text: string): "answered" {
  response.writeHead(status).end(text);
  return "answered";
}

/** A tokenizer that takes every word apart, once vLLM's question was not answered. */
function twiceAsMany(response: ServerResponse, { content }: Readonly<Record<string, unknown>>): "answered" {
  if (typeof content !== "string") return answer(response, 400, "{}");
  const tokens = content.trim().split(" ");
  return answer(response, 200, JSON.stringify({ tokens: [...tokens, ...tokens].map((_, id) => id) }));
}

/** Of each engine's requests in the CSV, without repetition. */
function inCsv(engine: string): readonly string[] {
  const [head = "", ...lines] = where.read("out", "test_tokens.simulated.csv").trim().split("\n");
  const columns = head.split(",");
  const cells = lines.map((line) => line.split(",")).filter((row) => row[columns.indexOf("engine")] === engine);
  const shown = cells.map((row) => ["output_tokens", "output_tokens_source"].map((column) => row[columns.indexOf(column)]).join(" "));
  return [...new Set(shown)];
}

test("replies without usage have the tokens that the engine's tokenizer counts, where it has one", () => {
  expect([0, 4]).toContain(called.code); // INVALID on a machine that is too busy
  expect(inCsv("asked")).toEqual(["8 tokenizer"]);
  expect(inCsv("twice")).toEqual(["16 tokenizer"]);
  expect(inCsv("without")).toEqual(["2 events"]);
  expect(inCsv("hanging")).toEqual(["8 usage"]);
});

test("what was found is told in the report, before which nobody had to guess", () => {
  const checks = (
    JSON.parse(where.read("out", "test_tokens.simulated.json")) as { proof: { checks: { engine: string; claim: string; found: string }[] } }
  ).proof.checks;
  const found = checks.map(({ engine, claim, found }) => `${engine}: ${claim}: ${found}`);
  expect(found).toEqual([
    "asked: usage in its replies: none; instead its tokenizer counts whole replies after each experiment",
    "asked: tokenizer: asked; 100 of our words are 100 of its tokens",
    "without: usage in its replies: none; instead one token for each event",
    "without: tokenizer: cannot be asked: /tokenize answers 404",
    "hanging: usage in its replies: told",
    "hanging: tokenizer: cannot be asked: /tokenize does not answer (no answer in time)",
    "twice: usage in its replies: none; instead its tokenizer counts whole replies after each experiment",
    "twice: tokenizer: asked; 100 of our words are 200 of its tokens",
  ]);
  const page = where.read("out", "test_tokens.simulated.html");
  for (const text of ["asked; 100 of our words are 200 of its tokens", "cannot be asked: /tokenize answers 404"])
    expect(page).toContain(text);
});

test("prompts that will be longer than they are called are told before the first is sent", () => {
  const warning = "warning: engine twice: a prompt asked to have 264 tokens will be about 528 of this engine's: 100 of our words are 200";
  expect(called.stderr).toContain(warning);
  expect(called.stderr.indexOf(warning)).toBeLessThan(called.stderr.indexOf("experiment 0:"));
  expect(called.stderr.match(/will be about/g)).toHaveLength(1);
});

test("nobody's tokenizer is asked while anything is measured; of an engine with usage not a single reply is counted", () => {
  // Our vocabulary and half of it; a second question where the first was not answered; then six replies.
  expect(Object.entries(servers).map(([name, { asked }]) => `${name} ${asked.length}`)).toEqual([
    "asked 8",
    "without 2",
    "hanging 1",
    "twice 9",
  ]);
});
