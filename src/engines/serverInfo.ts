import type { InfoQuestion } from "../model/engine.ts";

/**
 * SGLang: its settings and what came of them, by `http_server.py` and its native API's documentation; the second is what older versions have.
 * `context_length` is null where the model decides, and `/v1/models` tells it then.
 */
export const sglangInfo: readonly InfoQuestion[] = ["/server_info", "/get_server_info"].map((path) => ({
  path,
  facts: (answer) => {
    const { version, context_length: limit } = fieldsOf(answer);
    return { ...textAs("version", version), ...tokensAs("context limit", limit) };
  },
}));

/** TGI: {"model_id":…,"max_total_tokens":4096,"version":"3.3.5",…}; older ones tell model_dtype, "torch.float16", as well. */
export const tgiInfo: InfoQuestion = {
  path: "/info",
  facts: (answer) => {
    const { version, max_total_tokens: limit, model_dtype: dtype } = fieldsOf(answer);
    return {
      ...textAs("version", version),
      ...tokensAs("context limit", limit),
      ...(typeof dtype === "string" ? textAs("dtype", dtype.replace(/^torch\./, "")) : {}),
    };
  },
};

/** llama.cpp: {"default_generation_settings":{"n_ctx":4096,…},"build_info":"b0-0c1e57098",…}, of one sequence, by the README of its server. */
export const llamaCppInfo: InfoQuestion = {
  path: "/props",
  facts: (answer) => {
    const { build_info: version, default_generation_settings: settings } = fieldsOf(answer);
    return { ...textAs("version", version), ...tokensAs("context limit", fieldsOf(settings)["n_ctx"]) };
  },
};

/** Of a server that may be any of them. */
export const anyInfo: readonly InfoQuestion[] = [...sglangInfo, tgiInfo, llamaCppInfo];

function textAs(name: string, value: unknown): Readonly<Record<string, string>> {
  return typeof value === "string" && value !== "" ? { [name]: value } : {};
}

function tokensAs(name: string, value: unknown): Readonly<Record<string, string>> {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? { [name]: `${value} tokens` } : {};
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
