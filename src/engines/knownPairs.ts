/** A version of an engine with one of LMCache that are known to work together. Ranges reach from the first version to just before the second. */
export interface KnownPair {
  readonly engine: readonly [from: string, before: string];
  readonly lmcache: readonly [from: string, before: string];
  /** The one to install for these versions of the engine. */
  readonly install: string;
  readonly how: string;
}

/** Of vLLM. Most specific first. "Seen" is by Tandem's own authors; the rest is what the projects' own documents say. */
export const knownPairs: readonly KnownPair[] = [
  { engine: ["0.32.0", "0.33.0"], lmcache: ["0.5.6", "0.5.7"], install: "0.5.6", how: "seen to work, on a CPU, with torch 2.13.0" },
  { engine: ["0.24.0", "0.25.0"], lmcache: ["0.5.0", "0.5.1"], install: "0.5.0", how: "seen to work, on an H100, with torch 2.11.0+cu130" },
  { engine: ["0.22.1", "0.24.1"], lmcache: ["0.4.7", "0.6.0"], install: "0.5.0", how: "tested by LMCache, with torch 2.11 and CUDA 13" },
  { engine: ["0.20.0", "0.27.0"], lmcache: ["0.4.5", "0.6.0"], install: "0.5.0", how: "named by LMCache, with torch 2.11 and CUDA 13" },
  { engine: ["0.27.0", "0.33.0"], lmcache: ["0.5.0", "0.6.0"], install: "0.5.6", how: "the same connector, not seen by us on a GPU" },
  { engine: ["0.17.0", "0.19.0"], lmcache: ["0.4.2", "0.4.3"], install: "0.4.2", how: "in LMCache's table of versions" },
  { engine: ["0.10.2", "0.17.0"], lmcache: ["0.3.10", "0.4.2"], install: "0.4.1", how: "in LMCache's table of versions" },
  { engine: ["0.10.2", "0.12.0"], lmcache: ["0.3.9", "0.3.10"], install: "0.3.9", how: "in LMCache's table of versions" },
  { engine: ["0.8.5", "0.10.2"], lmcache: ["0.3.5", "0.3.9"], install: "0.3.5", how: "in LMCache's table of versions" },
];

/** Likewise of SGLang, by how the packages call each other: "read" is not "seen to work". */
export const knownSglangPairs: readonly KnownPair[] = [
  {
    engine: ["0.5.21", "0.5.24"],
    lmcache: ["0.5.6", "0.5.7"],
    install: "0.5.6",
    how: "a server beside it; read in the packages, not run by us",
  },
  {
    engine: ["0.5.13", "0.5.21"],
    lmcache: ["0.4.6", "0.5.7"],
    install: "0.5.0",
    how: "a server beside it; read in the packages, not run by us",
  },
  {
    engine: ["0.5.11", "0.5.13"],
    lmcache: ["0.4.5", "0.4.6"],
    install: "0.4.5",
    how: "in its process; read in the packages, not run by us",
  },
];

export type Fit = { readonly kind: "fits"; readonly how: string } | { readonly kind: "unknown"; readonly install: string | undefined };

/** Whether two installed versions are known to fit; if not, the LMCache for this engine. */
export function fitOf(engine: string, lmcache: string, pairs: readonly KnownPair[] = knownPairs): Fit {
  const forEngine = pairs.filter((pair) => isWithin(engine, pair.engine));
  const fitting = forEngine.find((pair) => isWithin(lmcache, pair.lmcache));
  return fitting === undefined ? { kind: "unknown", install: forEngine[0]?.install } : { kind: "fits", how: fitting.how };
}

/** Among an engine's features: two versions that nobody is known to have tried together. They may fit all the same. */
export function unknownPair({
  vllm,
  sglang,
  lmcache,
}: {
  readonly vllm?: string | undefined;
  readonly sglang?: string | undefined;
  readonly lmcache: string | undefined;
}): readonly string[] {
  return [...untried("vLLM", vllm, lmcache, knownPairs), ...untried("SGLang", sglang, lmcache, knownSglangPairs)];
}

function untried(name: string, engine: string | undefined, lmcache: string | undefined, pairs: readonly KnownPair[]): readonly string[] {
  if (engine === undefined || lmcache === undefined) return [];
  const fit = fitOf(engine, lmcache, pairs);
  if (fit.kind === "fits") return [];
  return [`${name} ${engine} with LMCache ${lmcache} is not known to fit${fit.install === undefined ? "" : `, LMCache ${fit.install} is`}`];
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
