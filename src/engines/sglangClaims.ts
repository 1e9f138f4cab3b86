import type { EngineClaims, TraitClaim } from "../model/engine.ts";
import type { CacheReuse } from "../model/proof.ts";
import type { SglangOptions } from "./sglang.ts";
import { lmcacheTrait } from "./sglangLmcacheClaims.ts";

/** What SGLang must show of itself once it is up. It prints its settings at the start: ServerArgs(…, page_size=1, …). */
export function sglangClaims(options: SglangOptions): EngineClaims {
  const { hiCache, contextLength, tensorParallel = 1, memFractionStatic, maxRunningRequests } = options;
  return {
    traits: [
      { ...printed("prefix caching", "disable_radix_cache=(True|False)"), read: offOrOn, wanted: prefixCaching(options) ? "on" : "off" },
      { ...printed("KV block", "\\bpage_size=(\\d+)"), read: (tokens) => `${tokens} tokens`, ...askedIn(options, "--page-size") },
      {
        what: "context limit",
        from: { kind: "fact", name: "context limit" },
        ...(contextLength === undefined ? {} : { wanted: `${contextLength} tokens` }),
      },
      {
        ...printed("KV cache dtype", "KV Cache is allocated\\. dtype: torch\\.(\\w+)"),
        ...askedIn(options, "--kv-cache-dtype"),
      },
      { ...printed("tensor parallel", "\\btp_size=(\\d+)"), wanted: String(tensorParallel) },
      {
        ...printed("KV pool", "max_total_num_tokens=(\\d+)"),
        read: (tokens) => `${tokens} tokens`,
        asked: [tensorParallel, memFractionStatic, contextLength, maxRunningRequests, flagIn(options, "--max-total-tokens")].join(" "),
      },
      { ...printed("attention backend", "\\battention_backend='(\\w+)'"), ...askedIn(options, "--attention-backend") },
      { ...printed("HiCache", "enable_hierarchical_cache=(True|False)"), read: onOrOff, ...wantedOn(hiCache) },
      { ...printed(lmcacheTrait, "enable_lmcache=(True|False)"), read: onOrOff },
    ],
    ...(connectsByHand(options) ? {} : { reuse: reuseOf(options) }),
  };
}

function reuseOf(options: SglangOptions): CacheReuse {
  const ownPiece = pageSize(options);
  const own = { own: prefixCaching(options), ownPiece };
  // HiCache's pool in CPU memory is of the same pages.
  return options.hiCache === undefined ? { ...own, external: false } : { ...own, external: true, externalPiece: ownPiece };
}

function printed(what: string, pattern: string): TraitClaim {
  return { what, from: { kind: "log", pattern: new RegExp(pattern) } };
}

function askedIn(options: SglangOptions, flag: string): { asked?: string } {
  const asked = flagIn(options, flag);
  return asked === undefined ? {} : { asked };
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
export function prefixCaching({ prefixCaching: asked = true, extraArgs = [] }: SglangOptions): boolean {
  return asked && !extraArgs.includes("--disable-radix-cache");
}

/** One token unless the author says otherwise. */
export function pageSize(options: SglangOptions): number {
  return Number(flagIn(options, "--page-size") ?? 1);
}

/** A flag's value among further arguments, as "--flag value" or "--flag=value". */
function flagIn({ extraArgs = [] }: SglangOptions, flag: string): string | undefined {
  const found = extraArgs.find((argument) => argument === flag || argument.startsWith(`${flag}=`));
  return found === flag ? extraArgs[extraArgs.indexOf(flag) + 1] : found?.slice(flag.length + 1);
}

/** A cache that was connected without telling us is one we know nothing of. */
function connectsByHand({ extraArgs = [] }: SglangOptions): boolean {
  return extraArgs.some((argument) => /^--(?:enable-hierarchical-cache|enable-lmcache|disaggregation-mode)\b/.test(argument));
}
