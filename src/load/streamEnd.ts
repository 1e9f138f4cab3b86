import type { ChunkKind } from "../model/exchange.ts";
import { completed, failed, type Outcome } from "../model/outcome.ts";
import type { ChunkReader } from "./chunkReader.ts";
import { complaintIn } from "./complaint.ts";
import type { ReplyTokens } from "./replyTokens.ts";

/** How its body ended. */
export interface BodyEnd {
  /** With `[DONE]`. */
  readonly isDone: boolean;
  /** In good order: with its last chunk, its length, or the connection where that is how it ends. */
  readonly isWhole: boolean;
  /** How the connection broke, in brackets, or nothing. */
  readonly broken: string;
}

/** What a stream's events have said of its end: by that it is judged when it is over. */
export class StreamEnd {
  private isFinished = false;
  /** An event with nothing but usage came, and none of a choice after it: it was the last one. */
  private isCounted = false;
  /** What was said last, but for usage and empty parts, where that is no part of a reply. */
  private strange: string | undefined;
  /** What there was of its last event, where the body ended within it. */
  private half: string | undefined;

  /** An event that was JSON; `strange`: its words, where it is no part of a reply. */
  event(kind: ChunkKind, { hasChoice, isFinished }: ChunkReader, strange: string | undefined): void {
    if (hasChoice) this.isCounted = false;
    else if (kind === "usage") this.isCounted = true;
    if (isFinished) this.isFinished = true;
    if (strange !== undefined || (kind !== "usage" && kind !== "empty")) this.strange = strange;
  }

  /** Events of text alone. */
  texts(): void {
    this.isCounted = false;
    this.strange = undefined;
  }

  /** The body ended within an event. */
  cut(half: string): void {
    this.half = half;
  }

  /**
   * A stream is complete with `[DONE]`; without it, when its body is, and the server has said that it finished, or the reply has all the
   * tokens that were asked for. A body may well end in good order (its last chunk, its length) where generating did not: a proxy saw to it.
   * Where the last word before the end is no part of a reply, it is why it ended: errors come in more shapes than anybody knows.
   */
  outcome({ isDone, isWhole, broken }: BodyEnd, { events, areAll, areAny }: ReplyTokens, secrets: readonly string[]): Outcome {
    if (this.half !== undefined) {
      return failed(
        "disconnected",
        `the stream ended within an event, after ${events} events with tokens: ${complaintIn(this.half, secrets)}`,
      );
    }
    if (!this.isFinished && !areAll && this.strange !== undefined && (isDone || isWhole)) {
      return failed("error-event", `it ended with: ${complaintIn(this.strange, secrets)}`);
    }
    const saysSo = this.isFinished || this.isCounted || areAll;
    if (!isDone && !(isWhole && saysSo)) {
      return failed("disconnected", `the stream ended after ${events} events with tokens, before its end${broken}`);
    }
    return areAny ? completed : failed("empty", "a complete stream without a single token");
  }
}
