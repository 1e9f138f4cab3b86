import { HarnessError } from "../model/harnessError.ts";

/** What a function of an author's own makes: whatever it throws is a mistake in it, not in Tandem. The cause tells where. */
export function byAuthor<Made>(what: string, make: () => Made): Made {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof HarnessError) throw cause;
    throw new HarnessError("usage", `${what} fails: ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`, {
      cause,
    });
  }
}
