/**
 * The base URL of a server as everything of ours has it: without /v1, a slash or a fragment at its end. People paste it as their client wants it.
 * A query stays: gateways want it with every request.
 */
export function serverUrl(given: URL): string {
  const base = given.href
    .replace(/[?#].*$/s, "")
    .replace(/\/+$/, "")
    .replace(/\/v1$/, "");
  return base + given.search;
}

/** A path of a server, with the query of its base URL. */
export function urlAt(base: string, path: string): string {
  const start = base.indexOf("?");
  if (start === -1) return base + path;
  const query = base.slice(start + 1);
  return `${base.slice(0, start)}${path}${path.includes("?") ? "&" : "?"}${query}`;
}

/** `?api-key=…`, `&sig=…`, `&code=…`: what such parameters hold is nobody's business. */
const secretParameter =
  /([?&][\w.~%+-]*?(?:key|token|sig|signature|code|secret|pass(?:w(?:or)?d)?|pwd|jwt|auth|credentials?)=)([^&#\s"']*[^&#\s"'`:;,.)])/gi;

/** A text without the secrets in the queries of its URLs. */
export function withoutQuerySecrets(text: string): string {
  return text.replaceAll(secretParameter, "$1***");
}

/** The shortest are left out: they would be found in any text, by chance. */
const shortestSecret = 6;

/** Those of a URL, as they stand in it and as they are meant: a server may repeat either. */
export function querySecrets(url: string): readonly string[] {
  const written = [...url.matchAll(secretParameter)].map(([, , value = ""]) => value);
  return [...new Set(written.flatMap((value) => [value, meant(value)]))].filter((value) => value.length >= shortestSecret);
}

function meant(value: string): string {
  return new URLSearchParams(`_=${value}`).get("_") ?? value;
}

/** Host and port, by whatever name of its own this machine is called. */
export function hostAndPortOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  const host = /^(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)$/.test(hostname) ? "127.0.0.1" : hostname;
  return `${host}:${port === "" ? (protocol === "https:" ? 443 : 80) : port}`;
}

/** The server that answers there: before several of them a gateway may stand, which tells them apart by path or query. */
export function serverAt(url: string): string {
  const base = new URL(serverUrl(new URL(url)));
  return hostAndPortOf(url) + base.pathname.replace(/\/$/, "") + base.search;
}
