const longest = 300;

/** What a server says is wrong, in one short line: from its JSON, its HTML page or its plain text. Undefined when it says nothing. No secret is in it. */
export function complaintIn(body: string, secrets: readonly string[]): string | undefined {
  const said = fromJson(body) ?? (looksLikeHtml(body) ? fromHtml(body) : body);
  // Before it is cut: what is left of a secret then would not be found.
  const line = withoutSecrets(said.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim(), secrets);
  if (line === "") return undefined;
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

/** Without the given secrets, wherever a server has put them. The longest first: one may be the beginning of another. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.toSorted((a, b) => b.length - a.length).reduce((clean, secret) => clean.replaceAll(secret, "***"), text);
}

function fromJson(body: string): string | undefined {
  try {
    return messageOf(JSON.parse(body));
  } catch {
    return undefined;
  }
}

/** Servers put it in `error.message`, `error`, `message`, in a choice's `error` or, FastAPI, in `detail`, a text or a list of objects with `msg`. */
function messageOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(messageOf).find(Boolean);
  if (typeof value !== "object" || value === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(value));
  // An empty one is no word: the next one says more, and else the whole of it.
  return ["error", "message", "detail", "msg", "choices", "x_groq"].map((name) => messageOf(fields.get(name))).find(Boolean);
}

function looksLikeHtml(body: string): boolean {
  return /^\s*<(!doctype|html|head|body)\b/i.test(body);
}

function fromHtml(page: string): string {
  const title = /<title[^>]*>([^<]*)<\/title>/i.exec(page)?.[1];
  return title ?? page.replaceAll(/<(script|style)[\s\S]*?<\/\1>/gi, " ").replaceAll(/<[^>]*>/g, " ");
}
