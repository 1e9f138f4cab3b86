/** What a model is started with unless the author says otherwise. */
export interface ModelPreset {
  readonly tensorParallel?: number;
  readonly chunkedPrefill?: boolean;
  readonly maxModelLen?: number;
  readonly trustRemoteCode?: boolean;
  /** Tokens of prompt and answer it takes at most as its makers ship it: a folder of the same name, or a flag, may say otherwise. */
  readonly contextLimit?: number;
}

const presets: Readonly<Record<string, ModelPreset>> = {
  // The models of lmcache-tests, with its settings.
  "glm-4-9b-chat": { tensorParallel: 2, chunkedPrefill: false, maxModelLen: 32_768, trustRemoteCode: true, contextLimit: 32_768 },
  "Llama-3.1-8B-Instruct": { chunkedPrefill: false, maxModelLen: 32_768, contextLimit: 32_768 },
  "Mistral-7B-Instruct-v0.2": { contextLimit: 32_768 },
  // Of others only what their config.json says they take; how to start them is left to the author.
  "Qwen2.5-7B-Instruct": { contextLimit: 32_768 },
  "Qwen2.5-72B-Instruct": { contextLimit: 32_768 },
  "Qwen3-0.6B": { contextLimit: 40_960 },
  "Qwen3-1.7B": { contextLimit: 40_960 },
  "Qwen3-4B": { contextLimit: 40_960 },
  "Qwen3-8B": { contextLimit: 40_960 },
  "Qwen3-14B": { contextLimit: 40_960 },
  "opt-125m": { contextLimit: 2_048 },
  // By copies of their config.json on the hub.
  ...each(131_072, "Llama-3.2-1B-Instruct", "DeepSeek-R1-Distill-Llama-8B"),
  ...each(131_072, ...["1.5B", "7B", "14B", "32B"].map((size) => `DeepSeek-R1-Distill-Qwen-${size}`)),
  // By the lists of those who serve them: Xinference's built-in models, and gateways.
  ...each(131_072, "Llama-3.3-70B-Instruct", "gpt-oss-20b", "gpt-oss-120b", "gemma-3-4b-it", "gemma-3-27b-it", "GLM-4.5", "GLM-4.5-Air"),
  ...each(32_768, "GLM-4-9B-0414", "GLM-4-32B-0414"),
  "GLM-4.6": { contextLimit: 202_752 },
};

function each(contextLimit: number, ...models: readonly string[]): Readonly<Record<string, ModelPreset>> {
  return Object.fromEntries(models.map((model) => [model, { contextLimit }]));
}

/** By the name without its organisation or directory; empty for a model we know nothing of. */
export function modelPreset(model: string): ModelPreset {
  return presets[model.split("/").findLast((part) => part !== "") ?? ""] ?? {};
}
