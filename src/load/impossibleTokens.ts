interface ReplyEvents {
  /** Events with text, reasoning or a tool call. */
  readonly tokenEvents: number;
  /** Events of a choice with nothing in it, as of a token that makes no text. */
  readonly emptyEvents: number;
  /** Output tokens that were asked for at most. */
  readonly asked: number;
}

/** An event may carry several tokens, and a token's text come in several events; hardly so many. */
const mostApart = 16;

/** Whether no such reply can have so many output tokens: hardly any for its events, or more than were asked for and too many for its events. */
export function isImpossible(tokens: number, { tokenEvents, emptyEvents, asked }: ReplyEvents): boolean {
  const isTooFew = tokens * mostApart < tokenEvents;
  const isTooMany = tokens > asked && tokens > (tokenEvents + emptyEvents) * mostApart;
  return isTooFew || isTooMany;
}
