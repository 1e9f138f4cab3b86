import type { TokenSource } from "../model/exchange.ts";
import type { ChunkReader } from "./chunkReader.ts";

/** An event may carry several tokens, and a token's text come in several events; hardly so many. */
const mostApart = 16;
/** As many as the journal can hold. */
const mostTokens = 2 ** 31 - 1;

/** The tokens of one reply: as its usage tells them, where no reply can have had others, else one for each event that carries some. */
export class ReplyTokens {
  /** Events with text, reasoning or a tool call. */
  events = 0;
  /** Events of a choice with nothing in it, as of a token that makes no text. */
  emptyEvents = 0;
  /** Of the prompt, as usage told. */
  prompt: number | undefined;
  private readonly asked: number;
  /** What the events so far have carried: as the usage within them says, and one for each that has none. */
  private carried = 0;
  /** Up to the last event that said so. */
  private upToLast = 0;
  /** Events with tokens that said no more than the one before. */
  private stood = 0;
  private cached: number | undefined;
  private completion: number | undefined;

  /** `asked`: output tokens, at most. */
  constructor(asked: number) {
    this.asked = asked;
  }

  /** Events of one token each. */
  carry(events: number): void {
    this.events += events;
    this.carried += events;
  }

  /** Final, or so far. */
  noteUsage({ promptTokens, cachedTokens, completionTokens }: ChunkReader): void {
    this.prompt = countIn(promptTokens) ?? this.prompt;
    this.cached = cachedTokens ?? this.cached;
    this.completion = completionTokens ?? this.completion;
  }

  /**
   * Tokens of one more event: one, unless it says how many there were up to it: then those that the events before have not carried, but one
   * at least, since something came. A count that goes on by more than the whole reply can have is not taken over.
   */
  ofEvent(upToIt: number | undefined): number {
    this.events++;
    const upTo = countIn(upToIt);
    if (upTo !== undefined) this.follow(upTo);
    const tokens = (upTo ?? Infinity) - this.carried;
    const carried = tokens > this.asked ? 1 : Math.max(1, tokens);
    this.carried += carried;
    return carried;
  }

  private follow(upTo: number): void {
    if (upTo <= this.upToLast) this.stood++;
    this.upToLast = upTo;
  }

  /** All that were asked for have come. */
  get areAll(): boolean {
    return ((this.countsEvents ? this.told : undefined) ?? this.events) >= this.asked;
  }

  /** Tokens that make no text (halves of a character, special ones) come as events without any, and usage counts them. */
  get areAny(): boolean {
    return this.events > 0 || (this.emptyEvents > 0 && (this.completion ?? 0) > 0);
  }

  /** As they are to be told; undefined where nobody said, and no event carried any. */
  get output(): number | undefined {
    return this.told ?? (this.events > 0 ? this.events : undefined);
  }

  get outputSource(): TokenSource | undefined {
    if (this.told !== undefined) return "usage";
    return this.events > 0 ? "events" : undefined;
  }

  /** That usage told and no such reply can have had. */
  get impossible(): number | undefined {
    return this.completion === this.told ? undefined : this.completion;
  }

  /** `leavesOutZeros`: a usage without cached tokens says that there were none. */
  cachedTokens(leavesOutZeros: boolean): number | undefined {
    if (this.impossibleCached !== undefined) return undefined;
    return this.cached ?? (leavesOutZeros && this.prompt !== undefined ? 0 : undefined);
  }

  /** Cached tokens that usage told and no prompt of that length can have had. */
  get impossibleCached(): number | undefined {
    const { cached } = this;
    const isPossible = cached === undefined || (countIn(cached) !== undefined && cached <= (this.prompt ?? Infinity));
    return isPossible ? undefined : cached;
  }

  /** Output tokens as usage tells them, if this reply can have had them. */
  private get told(): number | undefined {
    return this.completion === undefined || this.isImpossible(this.completion) ? undefined : this.completion;
  }

  /** A usage within the stream that stands still more often than not is of each event alone, or of what is planned, or of nothing. */
  private get countsEvents(): boolean {
    return this.stood * 2 <= this.events;
  }

  /** No count at all, hardly any for its events, or more than were asked for and too many for its events. */
  private isImpossible(tokens: number): boolean {
    if (countIn(tokens) === undefined) return true;
    const isTooFew = tokens * (this.countsEvents ? mostApart : 1) < this.events;
    return isTooFew || (tokens > this.asked && tokens > (this.events + this.emptyEvents) * mostApart);
  }
}

/** A number of tokens that something can have. */
function countIn(told: number | undefined): number | undefined {
  return told !== undefined && Number.isInteger(told) && told >= 0 && told <= mostTokens ? told : undefined;
}
