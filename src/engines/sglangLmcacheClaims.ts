import type { EngineClaims, TraitClaim } from "../model/engine.ts";
import { neverConnected, pieceOf } from "./lmcacheClaims.ts";
import { tiers } from "./lmcacheConfig.ts";
import type { SglangConnection } from "./sglangLmcache.ts";

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
export function withSglangLmcacheClaims(
  claims: EngineClaims | undefined,
  { mode, config, onlyTier }: Pick<SglangConnection, "mode" | "config" | "onlyTier">,
): EngineClaims {
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
    never: [...never, neverConnected, { what: "LMCache, connected before", pattern: lost }],
  };
}

export const lmcacheTrait = "LMCache";
