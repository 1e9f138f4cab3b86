import type { TokenizerQuestion } from "../model/engine.ts";

/**
 * vLLM: {"count":5,"max_model_len":32768,"tokens":[…]}, recorded from vLLM 0.32. SGLang answers alike where it has the path at all
 * (`serving_tokenize.py` and the route in `http_server.py` of its newer versions).
 */
export const vllmTokenizer: TokenizerQuestion = {
  path: "/tokenize",
  body: (text, model) => ({ model, prompt: text, add_special_tokens: false }),
  tokensIn: (answer) => {
    const { count, tokens } = fieldsOf(answer);
    return typeof count === "number" && Array.isArray(tokens) && tokens.length === count ? count : undefined;
  },
};

/** llama.cpp: {"tokens":[123,456]}, by the README of its server. */
export const llamaCppTokenizer: TokenizerQuestion = {
  path: "/tokenize",
  body: (text) => ({ content: text, add_special: false }),
  tokensIn: (answer) => {
    const { tokens } = fieldsOf(answer);
    return Array.isArray(tokens) ? tokens.length : undefined;
  },
};

/**
 * TGI: [{"id":1,"text":"","start":0,"stop":0},…], by `router/src/server.rs` and `lib.rs`. It adds special tokens whether they are wanted or not
 * (`add_special_tokens` is not read from a request); they stand for no part of the text.
 */
export const tgiTokenizer: TokenizerQuestion = {
  path: "/tokenize",
  body: (text) => ({ inputs: text }),
  tokensIn: (answer) => (Array.isArray(answer) ? answer.filter(standsForText).length : undefined),
};

function standsForText(token: unknown): boolean {
  const { start, stop } = fieldsOf(token);
  return typeof start === "number" && typeof stop === "number" && stop > start;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
