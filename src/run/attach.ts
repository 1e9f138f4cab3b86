import { atOnce } from "../arrivals/atOnce.ts";
import { closedLoop } from "../arrivals/closedLoop.ts";
import { every } from "../arrivals/every.ts";
import { attached } from "../engines/attached.ts";
import { attachedTest } from "../model/attachedTest.ts";
import type { Engine } from "../model/engine.ts";
import { experiment } from "../model/experiment.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Arrivals } from "../model/workload.ts";
import { documentQa } from "../workloads/documentQa.ts";
import type { NamedTestCase } from "./testCases.ts";

export interface AttachOptions {
  readonly urls: readonly string[];
  readonly contextTokens: number;
  readonly requests: number;
  /** Requests per second, at even distances; 1 unless said. */
  readonly rate?: number;
  /** Instead of a rate: so many at a time, the next when one is answered. */
  readonly concurrency?: number;
  /** Of its documents and questions: the same for the same seed. */
  readonly seed: number;
  readonly model?: string;
  readonly api: "chat" | "completions";
  readonly apiKey?: string;
  /** For servers with a certificate of their own making. */
  readonly acceptAnyCertificate?: boolean;
}

/** Document QA against servers that are up: what `tandem run --attach URL [URL]` runs without a test file. */
export function attachTestCase(options: AttachOptions): NamedTestCase {
  const { urls } = options;
  if (urls.length === 0 || urls.length > 2) {
    throw new HarnessError("usage", `--attach takes one or two URLs, not ${urls.length}`, {
      hint: "the first is the baseline: --attach http://127.0.0.1:8000 http://127.0.0.1:8001",
    });
  }
  const names = urls.length === 1 ? ["server"] : ["first", "second"];
  const engines: Record<string, Engine> = Object.fromEntries(
    names.map((name, index) => [name, attachedAt(urls[index] as string, options)]),
  );
  const workload = documentQa({
    contextTokens: options.contextTokens,
    questionTokens: 16,
    documents: Math.max(1, Math.floor(options.requests / 10)),
    requests: options.requests,
    outputTokens: 64,
  });
  return {
    name: attachedTest,
    summary: "Document QA against servers that were already up.",
    testCase: {
      engines,
      experiments: [experiment({ workload, arrivals: arrivalsOf(options), seed: options.seed })],
      ...(urls.length === 2 ? { baseline: "first" } : {}),
    },
  };
}

function arrivalsOf({ requests, rate = 1, concurrency }: AttachOptions): Arrivals {
  if (concurrency !== undefined) return closedLoop({ concurrency });
  return requests === 1 ? atOnce() : every({ seconds: 1 / rate });
}

function attachedAt(url: string, { model, api, apiKey, acceptAnyCertificate = false }: AttachOptions): Engine {
  return attached({
    url,
    api,
    ...(model === undefined ? {} : { model }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(acceptAnyCertificate ? { acceptAnyCertificate } : {}),
  });
}
