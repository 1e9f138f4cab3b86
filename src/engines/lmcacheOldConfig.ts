import { HarnessError } from "../model/harnessError.ts";
import { nearest } from "../model/nearest.ts";
import { parseLmcacheConfig, type LmcacheConfig } from "./lmcacheConfig.ts";

/** Of LMCache 0.1, by its lmcache/config.py, as packages up to 0.4.3 still have it. */
const keys =
  "chunk_size local_device max_local_cache_size remote_url remote_serde pipelined_backend save_decode_cache enable_blending blend_recompute_ratio blend_min_tokens".split(
    " ",
  );

/** A configuration for LMCache 0.1 itself: nothing is translated. What is kept where is read as ever. */
export function parseOldLmcacheConfig(name: string, content: unknown): LmcacheConfig {
  const { settings } = parseLmcacheConfig(name, withoutOnlyOld(content));
  const written = { ...(content as Readonly<Record<string, unknown>>) }; // it has just been looked at
  const unknown = Object.keys(written).filter((key) => !keys.includes(key));
  if (unknown.length === 0) return { settings, translations: [], written };
  const mistakes = unknown.map((key) => {
    const meant = nearest(key, keys);
    return `LMCache 0.1 has no key ${key}${meant === undefined ? "" : `, did you mean ${meant}?`}`;
  });
  throw new HarnessError("usage", `${name}: ${mistakes.join("; ")}`, { hint: `it has ${keys.join(", ")}` });
}

/** Today's has another key for it. */
function withoutOnlyOld(content: unknown): unknown {
  if (typeof content !== "object" || content === null || Array.isArray(content)) return content;
  return Object.fromEntries(Object.entries(content).filter(([key]) => key !== "blend_recompute_ratio"));
}
