/** Why a request failed: stable words for CSV columns and scripts. */
export type FailureCode =
  | "refused" // nothing listens, or the connection could not be made
  | "exhausted" // this machine had no port, file or memory left for a connection: not the engine's fault
  | "connect-timeout"
  | "first-token-timeout"
  | "idle-timeout"
  | "request-timeout"
  | "http-status" // a status outside 2xx
  | "error-event" // an error inside a 200 stream
  | "aborted" // the engine gave up within a 200 stream, and said so as its finish reason
  | "disconnected" // the connection ended before the body did
  | "bad-response" // not HTTP, wrong content type, compressed, malformed
  | "empty"; // a complete stream without a single token

/** What became of a request. */
export type Outcome =
  | { readonly kind: "completed" }
  | { readonly kind: "failed"; readonly code: FailureCode; readonly message: string }
  | { readonly kind: "cancelled" }
  | { readonly kind: "dropped"; readonly reason: string };

export const completed: Outcome = { kind: "completed" };

export function failed(code: FailureCode, message: string): Outcome {
  return { kind: "failed", code, message };
}

export function dropped(reason: string): Outcome {
  return { kind: "dropped", reason };
}
