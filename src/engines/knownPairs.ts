/** A version of vLLM with one of LMCache that are known to work together. Ranges reach from the first version to just before the second. */
export interface KnownPair {
  readonly vllm: readonly [from: string, before: string];
  readonly lmcache: readonly [from: string, before: string];
  /** The one to install for these versions of vLLM. */
  readonly install: string;
  readonly how: string;
}

/** Most specific first. "Seen" is by Tandem's own authors; the rest is what the projects' own documents say. */
export const knownPairs: readonly KnownPair[] = [
  { vllm: ["0.32.0", "0.33.0"], lmcache: ["0.5.6", "0.5.7"], install: "0.5.6", how: "seen to work, on a CPU, with torch 2.13.0" },
  { vllm: ["0.24.0", "0.25.0"], lmcache: ["0.5.0", "0.5.1"], install: "0.5.0", how: "seen to work, on an H100, with torch 2.11.0+cu130" },
  { vllm: ["0.22.1", "0.24.1"], lmcache: ["0.4.7", "0.6.0"], install: "0.5.0", how: "tested by LMCache, with torch 2.11 and CUDA 13" },
  { vllm: ["0.20.0", "0.27.0"], lmcache: ["0.4.5", "0.6.0"], install: "0.5.0", how: "named by LMCache, with torch 2.11 and CUDA 13" },
  { vllm: ["0.27.0", "0.33.0"], lmcache: ["0.5.0", "0.6.0"], install: "0.5.6", how: "the same connector, not seen by us on a GPU" },
  { vllm: ["0.17.0", "0.19.0"], lmcache: ["0.4.2", "0.4.3"], install: "0.4.2", how: "in LMCache's table of versions" },
  { vllm: ["0.10.2", "0.17.0"], lmcache: ["0.3.10", "0.4.2"], install: "0.4.1", how: "in LMCache's table of versions" },
  { vllm: ["0.10.2", "0.12.0"], lmcache: ["0.3.9", "0.3.10"], install: "0.3.9", how: "in LMCache's table of versions" },
  { vllm: ["0.8.5", "0.10.2"], lmcache: ["0.3.5", "0.3.9"], install: "0.3.5", how: "in LMCache's table of versions" },
];

export type Fit = { readonly kind: "fits"; readonly how: string } | { readonly kind: "unknown"; readonly install: string | undefined };

/** Whether two installed versions are known to fit; if not, the LMCache for this vLLM. */
export function fitOf(vllm: string, lmcache: string, pairs: readonly KnownPair[] = knownPairs): Fit {
  const forVllm = pairs.filter((pair) => isWithin(vllm, pair.vllm));
  const fitting = forVllm.find((pair) => isWithin(lmcache, pair.lmcache));
  return fitting === undefined ? { kind: "unknown", install: forVllm[0]?.install } : { kind: "fits", how: fitting.how };
}

/** Among an engine's features: two versions that nobody is known to have tried together. They may fit all the same. */
export function unknownPair({
  vllm,
  lmcache,
}: {
  readonly vllm: string | undefined;
  readonly lmcache: string | undefined;
}): readonly string[] {
  if (vllm === undefined || lmcache === undefined) return [];
  const fit = fitOf(vllm, lmcache);
  if (fit.kind === "fits") return [];
  return [`vLLM ${vllm} with LMCache ${lmcache} is not known to fit${fit.install === undefined ? "" : `, LMCache ${fit.install} is`}`];
}

function isWithin(version: string, [from, before]: readonly [string, string]): boolean {
  return compareVersions(version, from) >= 0 && compareVersions(version, before) < 0;
}

/** By their numbers: a build ("+cpu") and a release candidate count as the version itself. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [numbersOf(one), numbersOf(other)];
  for (let place = 0; place < Math.max(left.length, right.length); place++) {
    const difference = (left[place] ?? 0) - (right[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): readonly number[] {
  return (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? "0").split(".").map(Number);
}
