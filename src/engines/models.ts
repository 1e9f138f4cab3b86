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
};

/** By the name without its organisation or directory; empty for a model we know nothing of. */
export function modelPreset(model: string): ModelPreset {
  return presets[model.split("/").findLast((part) => part !== "") ?? ""] ?? {};
}
