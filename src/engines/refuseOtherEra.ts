import type { World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { compareVersions } from "./knownPairs.ts";

/** Versions in an engine's environment; undefined where they are not known. */
export interface Installed {
  readonly vllm?: string | undefined;
  readonly sglang?: string | undefined;
  readonly lmcache: string | undefined;
}

export function installedIn({ program }: World, engine: "vllm" | "sglang" = "vllm"): Installed {
  return { [engine]: program?.version, lmcache: program?.beside?.["lmcache"] };
}

/** What only some versions of an engine or of LMCache have. */
export interface Need {
  readonly what: string;
  readonly of: keyof Installed;
  /** The first version that has it. */
  readonly from?: string;
  /** The first that no longer has it. */
  readonly until?: string;
  /** What to do where it is not there. */
  readonly instead: string;
}

/** Seen in LMCache's packages: 0.4.2 has no such command. */
export const lmcacheCommand: Need = {
  what: "`lmcache server`",
  of: "lmcache",
  from: "0.4.3",
  instead: 'pip install "lmcache>=0.4.3"',
};

/** Of versions that are not known nothing is refused. All that the others lack is one mistake. */
export function refuseOtherEra(what: string, needs: readonly Need[], installed: Installed): void {
  const unmet = needs.flatMap((need) => {
    const version = installed[need.of];
    return version === undefined || isMet(need, version) ? [] : [{ ...need, version }];
  });
  if (unmet.length === 0) return;
  throw new HarnessError("usage", `${what}: ${unmet.map(told).join("; ")}`, {
    hint: [...new Set(unmet.map(({ instead }) => instead))].join("; "),
  });
}

function isMet({ from = "0", until }: Need, version: string): boolean {
  if (isOwnBuild(version)) return true;
  return compareVersions(version, from) >= 0 && (until === undefined || compareVersions(version, until) < 0);
}

/** Whether a version is known, and comes before another. */
export function isBelow(version: string | undefined, other: string): boolean {
  return version !== undefined && !isOwnBuild(version) && compareVersions(version, other) < 0;
}

/** Whether a version is known, and is this one or a later one. */
export function isFrom(version: string | undefined, other: string): boolean {
  return version !== undefined && !isOwnBuild(version) && compareVersions(version, other) >= 0;
}

/** One of sources is often numbered 0.1, whatever it is. */
function isOwnBuild(version: string): boolean {
  return /dev/.test(version);
}

const names: Readonly<Record<keyof Installed, string>> = { vllm: "vLLM", sglang: "SGLang", lmcache: "LMCache" };

function told({ what, of, from = "0", until, version }: Need & { readonly version: string }): string {
  const name = names[of];
  const since = compareVersions(version, from) < 0 ? `came with ${name} ${from}` : `is gone since ${name} ${until}`;
  return `${what} ${since}, and ${version} is installed`;
}
