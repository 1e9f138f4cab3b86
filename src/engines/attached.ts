import { bodyFields, checkOptions, checkTogether, nonEmptyText, yesOrNo, type OptionRule } from "../model/checkOptions.ts";
import { onlyModel, type Engine, type Wire } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { serverUrl, withoutQuerySecrets } from "../model/serverUrl.ts";
import { tokenIdOffset } from "./installation.ts";
import { anyMetrics } from "./anyMetrics.ts";
import { anyInfo } from "./serverInfo.ts";
import { llamaCppTokenizer, vllmTokenizer } from "./tokenizers.ts";

export interface AttachedOptions {
  /** Of a server that is up: http or https, with or without /v1. A query (`?api-version=…`) goes with every request. */
  readonly url: string;
  /** Its only one unless said. */
  readonly model?: string;
  readonly apiKey?: string;
  /** chat unless said. */
  readonly api?: "chat" | "completions";
  /** Prompts go out as token ids, so that their lengths are exact. vLLM and SGLang take them, with api: "completions". */
  readonly tokenIds?: boolean;
  /** It takes `ignore_eos` and `min_tokens`, so that every answer has the same length. vLLM and SGLang do. */
  readonly fixesLength?: boolean;
  /** What is known of it: whether a prompt that was asked before is found again, in whichever cache of its. Proven where it is said. */
  readonly prefixCaching?: boolean;
  /** For servers with a certificate of their own making. */
  readonly acceptAnyCertificate?: boolean;
  /** Fields added to the body of every request, beside those that Tandem sets itself. */
  readonly extraBody?: Readonly<Record<string, unknown>>;
}

const rules: Readonly<Record<keyof AttachedOptions, OptionRule>> = {
  url: nonEmptyText,
  model: nonEmptyText,
  apiKey: nonEmptyText,
  api: (value) => (value === "chat" || value === "completions" ? undefined : 'must be "chat" or "completions"'),
  tokenIds: yesOrNo,
  fixesLength: yesOrNo,
  prefixCaching: yesOrNo,
  acceptAnyCertificate: yesOrNo,
  extraBody: bodyFields,
};

/** Any OpenAI-compatible server that is already up: it is measured, never started and never ended. */
export function attached(options: AttachedOptions): Engine {
  if (typeof options !== "object") checkOptions("attached()", options, Object.keys(rules));
  const { url, model, acceptAnyCertificate, prefixCaching } = options;
  const shown = { ...options, apiKey: options.apiKey === undefined ? undefined : "***" };
  checkTogether(
    () => checkOptions("attached()", shown, Object.keys(rules), rules, ["url"]),
    () => checkUrl(url),
    () => checkTokenIds(options),
  );
  return {
    kind: "attached",
    model: model ?? onlyModel,
    simulated: false,
    gpus: 0,
    gpuShare: 0,
    launch: {
      kind: "attached",
      url: serverUrl(new URL(url)),
      // Servers without a health check of their own have this one.
      ready: { path: "/v1/models", within: 300 },
      ...(acceptAnyCertificate === undefined ? {} : { acceptAnyCertificate }),
    },
    wire: wireOf(options),
    features: featuresOf(options),
    configFiles: [],
    tokenizer: [vllmTokenizer, llamaCppTokenizer],
    info: anyInfo,
    metrics: anyMetrics,
    ...(prefixCaching === undefined ? {} : { claims: () => ({ traits: [], reuse: { own: prefixCaching, external: false } }) }),
  };
}

/** A password in it would be seen wherever the URL is; none is taken. That it is a text is looked at elsewhere. */
function checkUrl(given: unknown): void {
  if (typeof given !== "string" || given === "") return;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url !== undefined && (url.username !== "" || url.password !== "")) {
    throw new HarnessError("usage", `attached(): the url of ${url.host} must not hold a user or a password`, {
      hint: "give the server's key as apiKey, or with --attach by --api-key-env; it is sent as Authorization: Bearer and written nowhere",
    });
  }
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new HarnessError("usage", `attached(): ${withoutSecrets(given)} is not the http or https URL of a server`, {
      hint: "it looks like http://127.0.0.1:8000 or https://host/path",
    });
  }
  const base = /^(.*)\/v1\/(?:(?:chat\/)?completions|models)\/*$/.exec(`${url.origin}${url.pathname}`)?.[1];
  if (base === undefined) return;
  throw new HarnessError("usage", `attached(): ${withoutSecrets(given)} is a path of a server, not the server`, {
    hint: `end it before /v1: ${base}; api, or --api with --attach, says which path is asked`,
  });
}

function checkTokenIds({ tokenIds, api = "chat" }: AttachedOptions): void {
  if (tokenIds !== true || api !== "chat") return;
  throw new HarnessError("usage", 'attached(): tokenIds needs api: "completions"', { hint: "chat takes text only" });
}

/** Also where the text is no URL, so that the parser cannot tell. */
function withoutSecrets(text: string): string {
  return withoutQuerySecrets(text.replace(/[^/\s]*@/, "***@"));
}

function wireOf({ model, apiKey, api = "chat", tokenIds = false, fixesLength = false, extraBody }: AttachedOptions): Wire {
  return {
    api,
    ...(model === undefined ? {} : { model }),
    takesTokenIds: tokenIds,
    tokenIdOffset: tokenIds ? tokenIdOffset : 0,
    fixesLength,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(extraBody === undefined ? {} : { extraBody }),
  };
}

function featuresOf({ fixesLength = false, prefixCaching, acceptAnyCertificate = false, extraBody }: AttachedOptions): readonly string[] {
  return [
    "a server that was up already",
    ...(fixesLength ? [] : ["answers of its own length"]),
    ...(prefixCaching === undefined ? [] : [`prefix caching ${prefixCaching ? "on" : "off"}`]),
    ...(acceptAnyCertificate ? ["any certificate accepted"] : []),
    ...(extraBody === undefined ? [] : [`requests with ${Object.keys(extraBody).join(", ")}`]),
  ];
}
