import type { EngineClaims, TraitClaim } from "../model/engine.ts";
import type { CacheReuse } from "../model/proof.ts";
import { neverConnected, outOfRoom, pieceOf, unknownKey } from "./lmcacheClaims.ts";
import { tiers, type LmcacheConfig } from "./lmcacheConfig.ts";
import type { WithLmcacheOptions } from "./lmcacheOptions.ts";

/** What is to be proven of a connection. */
export interface ClaimedConnection {
  readonly mode: NonNullable<WithLmcacheOptions["mode"]>;
  readonly config: LmcacheConfig;
  readonly onlyTier?: CacheReuse["onlyTier"];
}

/** By their sources. A server that cannot be reached ends SGLang's boot; these leave it healthy, and without LMCache. */
const lost =
  /LMCache store_kv failed|store_layer generator stopped|LMCache(?: server)? is unhealthy|LMCache (?:lookup|store|retrieve) (?:submission )?failed|LMCache MP (?:store|retrieve) failed|LMCache MP heartbeat failed|Local cpu memory (?:is )?under pressure/;

/** SGLang prints enable_lmcache=True where it leaves LMCache out, too. */
const connected = {
  // LMCache's engine in the process is made.
  "in-process": /(Creating LMCacheEngine with config)/,
  // Until 0.5.20 what follows is the connection, without which it does not boot; from 0.5.21 on the connection itself is told.
  server: /(Loading LMCache config file|UnifiedLMCacheMPConnector initialized)/,
};

/** SGLang's claims with LMCache: that it was connected, and what is found again. */
export function withSglangLmcacheClaims(claims: EngineClaims | undefined, { mode, config, onlyTier }: ClaimedConnection): EngineClaims {
  const { traits = [], reuse, never = [] } = claims ?? {};
  const isConnected: TraitClaim = {
    what: lmcacheTrait,
    from: { kind: "log", pattern: connected[mode] },
    read: () => "connected",
    wanted: "connected",
  };
  return {
    traits: [...traits.filter((trait) => trait.what !== lmcacheTrait), isConnected],
    ...(reuse === undefined
      ? {}
      : {
          reuse: {
            ...reuse,
            external: tiers(config).length > 0,
            externalPiece: pieceOf(config),
            ...(onlyTier === undefined ? {} : { onlyTier }),
          },
        }),
    // Of a server's own keys SGLang reads some itself, and LMCache before 0.4.6 knows none of them.
    never: [...never, neverConnected, ...(mode === "in-process" ? [unknownKey] : []), { what: "LMCache, connected before", pattern: lost }],
    ...(mode === "in-process" && onlyTier === "memory" ? { full: outOfRoom } : {}),
  };
}

export const lmcacheTrait = "LMCache";
