import type { EngineClaims, TraitClaim } from "../model/engine.ts";
import { tiers, type LmcacheConfig } from "./lmcacheConfig.ts";
import type { Connection } from "./lmcacheOptions.ts";

// Seen with a server that was started anew behind its engine's back: each request then waited for ten to twenty seconds, and was answered.
const lost =
  /Something went wrong when processing the (?:store|retrieve) request|LMCache server is unhealthy|Failed to re-register KV caches|LOOKUP to .* timed out|QUERY_PREFETCH_STATUS to .* timed out/;

/** Seen with a healthy engine that never found anything again, and made each request wait for three seconds. */
export const neverConnected = {
  what: "LMCache",
  pattern: /Failed to initialize LMCacheManager|No supported \w+ connector found|Unsupported GPUKVFormat/,
};

/** "Unknown configuration key: max_cpu_cache (source: file: lmcache.yaml)": what was asked for by it is left out, and the default taken. */
export const unknownKey = { what: "LMCache's configuration", pattern: /Unknown configuration key/ };

/** At each piece it then gives up the one that was used longest ago: documents in a circle, one more than it has room for, are never found again. */
export const outOfRoom = /Failed to allocate memory .*because no memory is available/;

/** The one that vLLM took. */
export const connectorTrait: TraitClaim = {
  what: "KV connector",
  from: { kind: "log", pattern: /Creating v1 connector with name: (\w+)/ },
};

/** Only whole pieces of so many tokens are found again. */
export function pieceOf({ settings }: LmcacheConfig): number {
  const { chunk_size: chunk = 256, save_unfull_chunk: savesAll } = settings;
  return savesAll === true ? 1 : Number(chunk);
}

/** An engine's claims with LMCache beside it: the connector it was asked for, and what is found again. */
export function withLmcacheClaims(
  claims: EngineClaims | undefined,
  { config, connector, onlyTier }: Pick<Connection, "config" | "connector" | "onlyTier">,
): EngineClaims {
  const { traits = [], reuse, never = [] } = claims ?? {};
  const external = tiers(config).length > 0;
  return {
    traits: [
      ...traits,
      { ...connectorTrait, wanted: connector },
      { what: "LMCache", from: { kind: "log", pattern: /LMCache initialized .*with version ([\w.]+)/ } },
    ],
    ...(reuse === undefined
      ? {}
      : { reuse: { ...reuse, external, externalPiece: pieceOf(config), ...(onlyTier === undefined ? {} : { onlyTier }) } }),
    never: [...never, neverConnected, unknownKey, { what: "LMCache's server", pattern: lost }],
    ...(onlyTier === "memory" ? { full: outOfRoom } : {}),
  };
}
