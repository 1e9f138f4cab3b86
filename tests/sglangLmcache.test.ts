import { chmodSync, readdirSync } from "node:fs";

import { expect, test } from "vitest";

import { folder, tandem, type Folder } from "../src/cli/fixture.ts";

/** As both servers keep it: prompts, of which the longest common beginning is found again, in whole pieces. */
const kept = `
const { createServer } = require("node:http");
const { readFileSync } = require("node:fs");
const args = process.argv.slice(2);
const valueOf = (flag) => args[args.indexOf(flag) + 1];
let prompts = [];
const found = (prompt, piece) => Math.floor(Math.max(0, ...prompts.map((other) => { let at = 0; while (at < other.length && other[at] === prompt[at]) at++; return at; })) / piece) * piece;
const serve = (port, answer) => createServer((request, response) => {
  let text = "";
  request.on("data", (piece) => (text += piece));
  request.on("end", () => answer(request.url, text === "" ? undefined : JSON.parse(text), response));
}).listen(Number(port), "127.0.0.1");
`;

/** \`lmcache server\`: what it is asked for on its port "cache" is ours, the rest as it was read in LMCache 0.5.0. */
const lmcache = `${kept}
if (args.includes("--help")) process.exit(1);
let hits = 0;
serve(valueOf("--port"), (url, prompt, response) => {
  const tokens = found(prompt, 256);
  if (url === "/lookup") hits += tokens;
  if (url === "/store") prompts.push(prompt);
  response.end(String(tokens));
});
serve(valueOf("--http-port"), (url, body, response) => {
  if (url === "/cache/clear") prompts = [];
  response.end(url === "/metrics" ? "lmcache_mp_lookup_hit_l1_tokens_total " + hits + "\\n" : "{}");
});
`;

/** SGLang 0.5.17, by its source: the pool on its GPU holds the last prompt alone, and its log is what it would print of LMCache. */
const sglang = `${kept}
if (!args.includes("--port")) process.exit(1);
const isCaching = !args.includes("--disable-radix-cache");
const isBeside = isCaching && args.includes("--enable-lmcache");
console.error("server_args=ServerArgs(page_size=1, disable_radix_cache=" + (isCaching ? "False" : "True") + ", tp_size=1, enable_lmcache=" + (args.includes("--enable-lmcache") ? "True" : "False") + ")");
let ask = async () => 0;
if (isBeside) {
  const file = valueOf("--lmcache-config-file");
  console.error("LMCache INFO: Loading LMCache config file " + file);
  const [, host, port] = /mp_host: "(.*)"\\nmp_port: (\\d+)/.exec(readFileSync(file, "utf8"));
  ask = async (path, prompt) => Number(await (await fetch("http://" + host + ":" + port + path, { method: "POST", body: JSON.stringify(prompt) })).text());
}
const cached = { device: 0, host: 0 };
const answer = async (body, response) => {
  const { prompt, max_tokens: tokens, stream } = body;
  const own = isCaching ? Math.min(found(prompt, 1), prompt.length - 1) : 0;
  const beside = Math.max(0, Math.min(await ask("/lookup", prompt), prompt.length - 1) - own);
  cached.device += own;
  cached.host += beside;
  prompts = [prompt];
  await ask("/store", prompt);
  const usage = { prompt_tokens: prompt.length, completion_tokens: tokens, prompt_tokens_details: own + beside === 0 ? null : { cached_tokens: own + beside } };
  if (!stream) return response.end(JSON.stringify({ choices: [{ text: "a" }], usage }));
  response.writeHead(200, { "content-type": "text/event-stream" });
  const event = (data) => response.write("data: " + data + "\\n\\n");
  for (let token = 1; token <= tokens; token++) event(JSON.stringify({ choices: [{ index: 0, text: " a", finish_reason: token === tokens ? "length" : null }] }));
  event(JSON.stringify({ choices: [], usage }));
  event("[DONE]");
  response.end();
};
const metrics = () => ["sglang:num_running_reqs 0", ...Object.entries(cached).flatMap(([source, tokens]) => tokens === 0 ? [] : ['sglang:cached_tokens_total{cache_source="' + source + '"} ' + tokens])].join("\\n") + "\\n";
serve(valueOf("--port"), (url, body, response) => {
  if (url === "/metrics") return response.end(metrics());
  if (url === "/v1/models") return response.end('{"data":[{"id":"m"}]}');
  if (url.startsWith("/flush_cache")) prompts = [];
  return url === "/v1/completions" ? answer(body, response) : response.end("{}");
});
`;

/** Two documents in turn: neither is on the GPU when it is asked about again. */
const twoDocuments = `import { documentQa, every, experiment, sglang, testCase } from "tandem";
export function test_lmcache({ set }) {
  const engine = (options) => ({ ...sglang({ model: "m", program: set.bin + "/python3", ...options }), gpus: 0, gpuShare: 0 });
  const workload = documentQa({ contextTokens: 512, questionTokens: 16, documents: 2, requests: 8, outputTokens: 4 });
  return testCase({
    engines: { plain: engine({ prefixCaching: false }), lmcache: engine({ lmcache: { cpuGigabytes: 1 } }) },
    baseline: "plain",
    experiments: [experiment({ workload, arrivals: every({ seconds: 0.2 }), cacheState: "cold" })],
  });
}
`;

function installed(where: Folder): string {
  for (const [name, source] of Object.entries({ python3: sglang, lmcache }))
    chmodSync(where.write(`bin/${name}`, `#!${process.execPath}\n${source}`), 0o755);
  return where.at("bin");
}

interface Proof {
  readonly kind: string;
  readonly engine: string;
  readonly checks: readonly { readonly what: string; readonly found: string; readonly ok?: boolean }[];
}

test("LMCache beside SGLang is started, proven by itself, emptied with it, and what comes out of it counted", async () => {
  using where = folder();
  const file = where.write("lmcache.js", twoDocuments);
  const { stderr, code } = await tandem(["run", file, "--set", `bin=${installed(where)}`, "-o", where.at("out"), "--no-calibration"]);
  expect([0, 4]).toContain(code); // INVALID on a machine that is too busy
  expect(stderr).toContain("lmcache.lmcache-server: ready");

  const [run = ""] = readdirSync(where.at("out", "runs"));
  const events = where.read("out", "runs", run, "test_lmcache", "journal", "events.jsonl").trim().split("\n");
  const proofs = events
    .map((line) => (JSON.parse(line) as { event: Proof }).event)
    .filter(({ kind, engine }) => kind === "proof" && engine === "lmcache");
  const checks = new Map(proofs.flatMap((proof) => proof.checks).map(({ what, found, ok }) => [what, [found, ok]]));
  expect(checks.get("LMCache")).toEqual(["connected", true]);
  expect(checks.get("the cache beside the engine")).toEqual(["1,024 tokens, once the engine's own cache was emptied", true]);
  expect(checks.get("caches emptied beforehand")).toEqual(["not found after one reset", true]);

  const { experiments } = JSON.parse(where.read("out", "test_lmcache.json")) as {
    experiments: readonly { cached_tokens: readonly unknown[] }[];
  };
  // Six of eight requests are about a document that was asked about before.
  const all = 3_072;
  expect(experiments[0]?.cached_tokens[1]).toMatchObject({
    expected_tokens: all,
    told_tokens: all,
    counted_beside_tokens: all,
    counted_memory_tier_tokens: all,
  });
  expect(experiments[0]?.cached_tokens[1]).toMatchObject({ counted_own_tokens: 0 });
});
