import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SimulationOptions } from "../model/engine.ts";

// The real program over real sockets: nothing here is a stand-in.

const options: SimulationOptions = {
  model: "Llama-3.1-8B-Instruct",
  gpu: "h100",
  tensorParallel: 1,
  gpuMemoryUtilization: 0.8,
  prefixCaching: true,
  chunkedPrefill: true,
  timeScale: 0.2,
};

async function startServer() {
  const truthPath = join(await mkdtemp(join(tmpdir(), "tandem-simulated-")), "truth.jsonl");
  const program = new URL("serve.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [program, "--port", "0", "--options", JSON.stringify(options), "--truth", truthPath]);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, truthPath, line: line.toString(), url: /http:\S+/.exec(line.toString())![0] };
}

let server: Awaited<ReturnType<typeof startServer>>;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  server.child.kill("SIGKILL");
  await rm(dirname(server.truthPath), { recursive: true });
});

async function post(path: string, body: object | string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(server.url + path, { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });
}

interface Event {
  readonly choices: readonly { readonly finish_reason: string | null; readonly delta?: object }[];
  readonly usage: { readonly completion_tokens: number };
  readonly system_fingerprint?: string;
}

/** The JSON of each event of a stream, and what came last. */
async function eventsOf(response: Response): Promise<{ events: readonly Event[]; last: string | undefined }> {
  const lines = (await response.text()).split("\n\n").filter((line) => line !== "");
  const last = lines.pop();
  return { events: lines.map((line) => JSON.parse(line.slice("data: ".length)) as Event), last };
}

const tokenIds = Array.from({ length: 100 }, (_, index) => 256 + index);

test("it says what it is in its first line, every response and its list of models", async () => {
  expect(server.line).toBe(`Tandem simulated engine (not a measurement): meta-llama/Llama-3.1-8B-Instruct on h100, ${server.url}\n`);
  const response = await fetch(`${server.url}/v1/models`);
  expect(response.headers.get("x-tandem-simulated")).toBe("true");
  expect(await response.json()).toMatchObject({
    data: [{ id: "Llama-3.1-8B-Instruct", owned_by: "tandem-simulated", max_model_len: 131_072 }],
  });
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});

test("a streamed completion has one event per token, then the usage, then [DONE]", async () => {
  const stream_options = { include_usage: true };
  const response = await post("/v1/completions", { prompt: tokenIds, max_tokens: 5, stream: true, stream_options, ignore_eos: true });
  const { events, last } = await eventsOf(response);
  expect(events.map(({ choices }) => choices[0]?.finish_reason)).toEqual([null, null, null, null, "length", undefined]);
  expect(events.at(-1)).toMatchObject({ usage: { prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 0 } } });
  expect(events.at(-1)!.system_fingerprint).toMatch(/^tandem-simulated/);
  expect(last).toBe("data: [DONE]");
});

test("text and its token ids are one prompt to the cache", async () => {
  const prompt = " good morning people".repeat(20);
  const { tokens } = (await (await post("/tokenize", { prompt })).json()) as { tokens: number[] };
  expect(tokens).toHaveLength(60);
  expect(await (await post("/detokenize", { tokens })).json()).toEqual({ prompt });
  await post("/v1/completions", { prompt, max_tokens: 1 });
  const answer = await (await post("/v1/completions", { prompt: tokens, max_tokens: 1 })).json();
  expect(answer).toMatchObject({ usage: { prompt_tokens: 60, prompt_tokens_details: { cached_tokens: 48 } } });
});

test("a chat stream begins with its role, and tells usage in every event when asked to", async () => {
  const stream_options = { include_usage: true, continuous_usage_stats: true };
  const messages = [{ role: "user", content: "hello" }];
  const { events } = await eventsOf(await post("/v1/chat/completions", { messages, max_tokens: 3, stream: true, stream_options }));
  expect(events[0]!.choices[0]!.delta).toEqual({ role: "assistant", content: "" });
  expect(events.map(({ usage }) => usage.completion_tokens)).toEqual([0, 1, 2, 3, 3]);
});

test("mistakes are refused as vLLM refuses them", async () => {
  const told = async (body: object | string) => {
    const response = await post("/v1/completions", body);
    const { error } = (await response.json()) as { error: { message: string; type: string; code: number } };
    return [response.status, error.type, error.message];
  };
  expect(await told({ model: "nope", prompt: "hi" })).toEqual([
    404,
    "NotFoundError",
    "The model `nope` does not exist. Valid aliases: Llama-3.1-8B-Instruct.",
  ]);
  expect(await told({ prompt: "" })).toEqual([
    400,
    "BadRequestError",
    "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)",
  ]);
  expect((await told({ prompt: tokenIds, max_tokens: 131_072 }))[2]).toContain("maximum context length is 131072 tokens");
  expect((await told("{"))[2]).toContain("the body is not JSON");
  expect((await told({ prompt: [99_999] }))[0]).toBe(400);
});

test("counters have vLLM's names and add up", async () => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^vllm:${name}\\{.*\\} (\\S+)$`, "m").exec(text)?.[1]);
  expect(value("num_requests_running")).toBe(0);
  expect(value("prefix_cache_hits_total")).toBeGreaterThanOrEqual(48);
  const bySource = [...text.matchAll(/^vllm:prompt_tokens_by_source_total.* (\S+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  expect(bySource).toBe(value("prompt_tokens_total"));
});

test("64 streams at once: every token arrives, and the truth log has the time of each, in order, after it was due and before it arrived", async () => {
  const streams = await Promise.all(
    Array.from({ length: 64 }, async (_, index) => {
      const prompt = [...tokenIds, 256 + index];
      const headers = { "x-request-id": `stream-${index}` };
      const { events } = await eventsOf(await post("/v1/completions", { prompt, max_tokens: 50, stream: true }, headers));
      const [seconds, nanoseconds] = process.hrtime();
      return { tokens: events.length, ended: seconds * 1e9 + nanoseconds };
    }),
  );
  expect(streams.map(({ tokens }) => tokens)).toEqual(streams.map(() => 50));
  server.child.kill("SIGTERM");
  expect(await once(server.child, "exit")).toEqual([0, null]);
  const lines = (await readFile(server.truthPath, "utf8")).trim().split("\n");
  const truths = lines.map(
    (line) => JSON.parse(line) as { id: string; requestId?: string; received: number; headers: number; tokens: number[]; due: number[] },
  );
  for (const [index, { ended }] of streams.entries()) {
    const truth = truths.find(({ requestId }) => requestId === `stream-${index}`)!;
    expect(truth.tokens).toHaveLength(50);
    const times = [truth.received, truth.headers, ...truth.tokens, ended];
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(truth.due).toHaveLength(50);
    for (const [token, due] of truth.due.entries()) expect(truth.tokens[token]).toBeGreaterThan(due - 10_000);
  }
});
