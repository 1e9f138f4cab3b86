import type { Ending, Exchange, ExchangeListener, Line, Replies } from "../model/exchange.ts";
import type { Clock } from "../model/host.ts";
import { completed, failed } from "../model/outcome.ts";
import type { Outcome } from "../model/outcome.ts";
import type { Passage, ReplyOf, Request } from "../model/request.ts";
import { partsOf } from "../model/request.ts";
import type { Nanoseconds } from "../model/time.ts";
import { decode, encode } from "../model/vocabulary.ts";
import type { Generation, GenerationListener, GenerationUsage, SimulatedCore } from "./core.ts";
import { tooLong } from "./openAi.ts";

/** The way to a simulated engine in this very process, on the clock that drives both: no bytes, the same stamps. */
export function virtualLine(core: SimulatedCore, clock: Clock): Line {
  return {
    open: () => Promise.resolve(),
    prepare: (request, replies, keepText) => new VirtualPrompt(request, replies, keepText),
    send: (prepared, listener) => {
      if (!(prepared instanceof VirtualPrompt)) throw new TypeError("a virtual line sends what it has prepared itself");
      return new VirtualExchange(prepared, listener, core, clock);
    },
    close: () => undefined,
  };
}

class VirtualPrompt {
  readonly request: Request;
  readonly tokenIds: readonly number[];
  readonly keepText: boolean;

  constructor(request: Request, replies: Replies, keepText: boolean) {
    this.request = request;
    this.tokenIds = partsOf(request).flatMap((part) => tokenIdsOf(part, replies));
    this.keepText = keepText;
  }
}

class VirtualExchange implements Exchange, GenerationListener {
  private readonly prompt: VirtualPrompt;
  private readonly listener: ExchangeListener;
  private readonly clock: Clock;
  private readonly text: number[];
  private readonly cancel: () => void;
  private ended: boolean;

  constructor(prompt: VirtualPrompt, listener: ExchangeListener, core: SimulatedCore, clock: Clock) {
    this.prompt = prompt;
    this.listener = listener;
    this.clock = clock;
    this.text = [];
    this.ended = false;
    listener.sent(clock.now(), true);
    this.cancel = this.submit(core);
  }

  abort(outcome: Outcome): void {
    if (this.ended) return;
    this.cancel();
    this.end(this.clock.now(), { outcome });
  }

  queued(at: Nanoseconds): void {
    this.listener.headers(at, 200);
  }

  token(at: Nanoseconds, token: number): void {
    if (this.prompt.keepText) this.text.push(token);
    this.listener.chunk(at, "text", 1);
  }

  finished(at: Nanoseconds, usage: GenerationUsage): void {
    this.listener.chunk(at, "usage", 0);
    this.listener.chunk(at, "done", 0);
    this.end(at, {
      outcome: completed,
      status: 200,
      promptTokens: usage.promptTokens,
      cachedTokens: usage.gpuCachedTokens + usage.cpuCachedTokens,
      outputTokens: usage.outputTokens,
      outputTokensSource: "usage",
      ...(this.prompt.keepText ? { text: decode(this.text) } : {}),
    });
  }

  // Returns what takes it back.
  private submit(core: SimulatedCore): () => void {
    const { tokenIds, request } = this.prompt;
    const refusal = tooLong(tokenIds.length, request.maxOutputTokens, core.contextLimit);
    if (refusal === undefined) {
      const generation: Generation = core.submit(tokenIds, request.maxOutputTokens, this);
      return () => generation.abort();
    }
    return this.clock.at(this.clock.now(), () => this.refuse(refusal.status, refusal.message));
  }

  private refuse(status: number, message: string): void {
    const at = this.clock.now();
    this.listener.headers(at, status);
    this.end(at, { outcome: failed("http-status", `${status}: ${message}`), status });
  }

  private end(at: Nanoseconds, ending: Ending): void {
    this.ended = true;
    this.listener.ended(at, ending);
  }
}

function tokenIdsOf(part: Passage | ReplyOf, replies: Replies): readonly number[] {
  if (part.kind === "passage") return part.tokenIds;
  if (part.source === "scripted") return part.scripted?.tokenIds ?? [];
  return encode(replies(part.request) ?? "");
}
