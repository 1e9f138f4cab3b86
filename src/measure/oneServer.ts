import type { ValidityReason } from "../model/figures.ts";
import type { EngineDescription, ExperimentDescription } from "../model/result.ts";

/**
 * Engines that are one server, attached by different addresses or ways of asking: what one was sent, the other finds in its caches, and at the same time
 * they wait for each other. In turn, with caches emptied before each, they may be compared.
 */
export function oneServerReasons(
  engines: readonly EngineDescription[],
  { cacheState, order }: ExperimentDescription,
): readonly ValidityReason[] {
  if (cacheState === "cold" && order === "inTurn") return [];
  const attached = engines.flatMap(({ name, url }) => (url === undefined ? [] : [{ name, server: serverOf(url) }]));
  return [...Map.groupBy(attached, ({ server }) => server)].flatMap(([server, same]) => {
    if (same.length < 2) return [];
    const names = same.map(({ name }) => name).join(" and ");
    return {
      state: "DEGRADED" as const,
      what: `${names} are one server (${server}): what one of them was sent is in the caches of the other, and at the same time they wait for each other`,
      advice: 'compare two servers; to compare ways of asking one, empty its caches and take turns: cacheState: "cold", order: "inTurn"',
    };
  });
}

/** Host and port, whatever this machine is called. */
function serverOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  const host = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0)$/.test(hostname) ? "127.0.0.1" : hostname;
  return `${host}:${port === "" ? (protocol === "https:" ? 443 : 80) : port}`;
}
