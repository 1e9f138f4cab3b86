import { createRequire } from "node:module";

import { playLanes } from "./lanes.ts";

// The official client, where `bench --install` has put it: no dependency of ours. Only what is used of it is described.
interface Chunk {
  readonly choices: readonly unknown[];
}
interface OpenAi {
  readonly completions: { create(body: object, options: object): Promise<AsyncIterable<Chunk>> };
}
const { OpenAI } = createRequire(`${process.env.TANDEM_BENCH_CACHE}/`)("openai") as { OpenAI: new (options: object) => OpenAi };

let client: OpenAi | undefined;

await playLanes(async (id, load, token) => {
  client ??= new OpenAI({ baseURL: `http://127.0.0.1:${load.port}/v1`, apiKey: "none", maxRetries: 0 });
  const body = { model: "truth", prompt: "x".repeat(load.promptBytes), max_tokens: load.tokens, stream: true };
  const stream = await client.completions.create(body, { headers: { "x-request-id": String(id) } });
  for await (const chunk of stream) if (chunk.choices.length > 0) token();
});
