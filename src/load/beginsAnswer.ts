const startOfReply = "HTTP/1.1 2".length;

/** Whether a whole reply begins there. Some proxies send a 408 just before they close an idle connection; nobody sends an answer without having mixed it up. */
export function beginsAnswer(bytes: Buffer, from: number, to: number): boolean {
  return /^HTTP\/1\.\d 2/.test(bytes.toString("latin1", from, Math.min(to, from + startOfReply)));
}
