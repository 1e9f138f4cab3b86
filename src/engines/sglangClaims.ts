import type { EngineClaims, TraitClaim } from "../model/engine.ts";
import type { CacheReuse } from "../model/proof.ts";
import { neverConnected, pieceOf } from "./lmcacheClaims.ts";
import { tiers, type LmcacheConfig } from "./lmcacheConfig.ts";
import type { SglangOptions } from "./sglang.ts";

/** What SGLang must show of itself once it is up. It prints its settings at the start: ServerArgs(…, page_size=1, …). */
export function sglangClaims(options: SglangOptions, lmcache: LmcacheConfig | undefined): EngineClaims {
  const { hiCache } = options;
  return {
    traits: [
      { ...printed("prefix caching", "disable_radix_cache=(True|False)"), read: offOrOn, wanted: prefixCaching(options) ? "on" : "off" },
      { ...printed("KV block", "\\bpage_size=(\\d+)"), read: (tokens) => `${tokens} tokens` },
      { ...printed("HiCache", "enable_hierarchical_cache=(True|False)"), read: onOrOff, ...wantedOn(hiCache) },
      { ...printed("LMCache", "enable_lmcache=(True|False)"), read: onOrOff, ...wantedOn(lmcache) },
    ],
    ...(connectsByHand(options) ? {} : { reuse: reuseOf(options, lmcache) }),
    ...(lmcache === undefined ? {} : { never: [neverConnected] }),
  };
}

function reuseOf(options: SglangOptions, lmcache: LmcacheConfig | undefined): CacheReuse {
  return {
    own: prefixCaching(options),
    external: options.hiCache !== undefined || (lmcache !== undefined && tiers(lmcache).length > 0),
    ownPiece: pageSize(options),
    // In what pieces HiCache keeps them nobody has told us.
    ...(lmcache === undefined ? {} : { externalPiece: pieceOf(lmcache) }),
  };
}

function printed(what: string, pattern: string): TraitClaim {
  return { what, from: { kind: "log", pattern: new RegExp(pattern) } };
}

function wantedOn(asked: object | undefined): { wanted?: string } {
  return asked === undefined ? {} : { wanted: "on" };
}

function onOrOff(text: string): string {
  return text === "True" ? "on" : "off";
}

function offOrOn(text: string): string {
  return text === "True" ? "off" : "on";
}

/** Further arguments come last, and may switch it off too. */
function prefixCaching({ prefixCaching: asked = true, extraArgs = [] }: SglangOptions): boolean {
  return asked && !extraArgs.includes("--disable-radix-cache");
}

/** One token unless the author says otherwise. */
function pageSize({ extraArgs = [] }: SglangOptions): number {
  return Number(/(?:^| )--page-size[ =](\d+)/.exec(extraArgs.join(" "))?.[1] ?? 1);
}

/** A cache that was connected without telling us is one we know nothing of. */
function connectsByHand({ extraArgs = [] }: SglangOptions): boolean {
  return extraArgs.some((argument) => /^--(?:enable-hierarchical-cache|enable-lmcache|disaggregation-mode)\b/.test(argument));
}
