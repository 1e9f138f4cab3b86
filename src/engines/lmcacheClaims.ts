import type { EngineClaims } from "../model/engine.ts";
import { tiers, type LmcacheConfig } from "./lmcacheConfig.ts";

/** An engine's claims with LMCache beside it: the connector it was asked for, and what is found again. */
export function withLmcacheClaims(claims: EngineClaims | undefined, config: LmcacheConfig, connector: string): EngineClaims {
  const { traits = [], reuse, never = [] } = claims ?? {};
  const { chunk_size: chunk = 256, save_unfull_chunk: savesAll } = config.settings;
  const external = tiers(config).length > 0;
  return {
    traits: [
      ...traits,
      { what: "KV connector", from: { kind: "log", pattern: /Creating v1 connector with name: (\w+)/ }, wanted: connector },
      { what: "LMCache", from: { kind: "log", pattern: /LMCache initialized .*with version ([\w.]+)/ } },
    ],
    ...(reuse === undefined ? {} : { reuse: { ...reuse, external, externalPiece: savesAll === true ? 1 : Number(chunk) } }),
    // Seen with a healthy engine that never found anything again, and made each request wait for three seconds.
    never: [
      ...never,
      { what: "LMCache", pattern: /Failed to initialize LMCacheManager|No supported \w+ connector found|Unsupported GPUKVFormat/ },
    ],
  };
}
