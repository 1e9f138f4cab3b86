import type { Request } from "../model/request.ts";

/** Requests whose replies are parts of this one's prompt as the engine gives them, each once. Scripted ones are texts, and wait for nobody. */
export function ownReplies({ messages }: Request): readonly number[] {
  let replies: number[] | undefined;
  for (const { parts } of messages) {
    for (const part of parts) {
      if (part.kind === "reply" && part.source === "own") (replies ??= []).push(part.request);
    }
  }
  return replies === undefined ? none : [...new Set(replies)];
}

const none: readonly number[] = [];
