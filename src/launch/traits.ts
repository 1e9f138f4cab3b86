import { closeSync, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { coresAllowed } from "../host/cores.ts";
import type { EngineClaims, RealPath, TraitClaim, TraitSource } from "../model/engine.ts";
import type { ProofCheck, Trait } from "../model/proof.ts";
import type { RunningEngine } from "../model/running.ts";

/** One line of a metrics page. */
export interface MetricLine {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What an engine that is up tells of itself, and whether that is what was asked for. */
export interface Told {
  readonly traits: readonly Trait[];
  readonly checks: readonly ProofCheck[];
}

/** Told by every engine, whatever its kind: found by its launcher. */
const always: readonly TraitClaim[] = [
  { what: "version", from: { kind: "fact", name: "version" } },
  { what: "context limit", from: { kind: "fact", name: "context limit" } },
  { what: "dtype", from: { kind: "fact", name: "dtype" } },
];

export function told(running: RunningEngine, claims: EngineClaims, metrics: readonly MetricLine[]): Told {
  const log = logOf(running);
  const own = new Set(claims.traits.map(({ what }) => what));
  const all = [...always.filter(({ what }) => !own.has(what)), ...claims.traits];
  const found = all.map((claim) => ({ claim, found: foundIn(claim, { facts: running.facts, log, metrics }) }));
  return {
    traits: [...found.flatMap(({ claim, found }) => traitOf(claim, found)), ...coresOf(running)],
    checks: [...found.flatMap(({ claim, found }) => checkOf(claim, found)), ...complaints(claims, log)],
  };
}

/** What its log must not say, looked for once more after it has worked. */
export function complaints({ never = [] }: EngineClaims, log: string): readonly ProofCheck[] {
  return never.flatMap(({ what, pattern }) => {
    const line = lineWith(pattern, log);
    return line === undefined ? [] : [{ what, wanted: "no complaint in its log", found: line, seen: "log", ok: false }];
  });
}

/** The first of a log's lines that is like this; of a long one its beginning. */
export function lineWith(pattern: RegExp, log: string): string | undefined {
  return log
    .split("\n")
    .find((text) => pattern.test(text))
    ?.trim()
    .slice(0, 200);
}

interface Sources {
  readonly facts: RunningEngine["facts"];
  readonly log: string;
  readonly metrics: readonly MetricLine[];
}

function foundIn({ from, read = (text) => text }: TraitClaim, sources: Sources): string | undefined {
  const text = textFrom(from, sources);
  return text === undefined ? undefined : read(text, realPath);
}

const realPath: RealPath = (path) => {
  try {
    return realpathSync(path);
  } catch {
    return path; // in a container paths are others
  }
};

function textFrom(from: TraitSource, { facts, log, metrics }: Sources): string | undefined {
  switch (from.kind) {
    case "fact":
      return facts[from.name];
    case "metric":
      return metrics.find(({ name, labels }) => name === from.name && labels[from.label] !== undefined)?.labels[from.label];
    case "log": {
      const found = log.matchAll(new RegExp(from.pattern, "g"));
      const texts = [...new Set([...found].flatMap(([, text]) => text ?? []))];
      return texts.length === 0 ? undefined : texts.join(", ");
    }
  }
}

function traitOf({ what, asked, wanted, from }: TraitClaim, found: string | undefined): readonly Trait[] {
  const settledBy = asked ?? wanted;
  return found === undefined ? [] : [{ what, found, seen: from.kind, ...(settledBy === undefined ? {} : { asked: settledBy }) }];
}

function checkOf({ what, wanted, from }: TraitClaim, found: string | undefined): readonly ProofCheck[] {
  if (wanted === undefined) return [];
  const looked = { what, wanted, seen: from.kind };
  return [found === undefined ? { ...looked, found: "not told" } : { ...looked, found, ok: found === wanted }];
}

function coresOf({ pids }: RunningEngine): readonly Trait[] {
  const cores = coresAllowed(pids?.() ?? []);
  return cores === undefined ? [] : [{ what: "cores allowed", found: coresText(cores), seen: "processes" }];
}

export function coresText(cores: number): string {
  return `${cores} ${cores === 1 ? "core" : "cores"}`;
}

/** What counts is said while booting, or soon after something went wrong; a log of hours is not read whole. */
const longestLog = 8 * 2 ** 20;

// Colours stand between words otherwise.
// oxlint-disable-next-line no-control-regex
const colours = /\u001B\[[\d;]*m/g;

/** `from` so many bytes of each file on. */
export function logOf({ logs = [] }: RunningEngine, from: readonly number[] = []): string {
  return logs
    .map((path, index) => textOf(path, from[index] ?? 0))
    .join("\n")
    .replaceAll(colours, "");
}

function textOf(path: string, from: number): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return ""; // it has printed nothing yet
  }
  try {
    const bytes = Buffer.alloc(Math.max(0, Math.min(fstatSync(file).size - from, longestLog)));
    return bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, from));
  } finally {
    closeSync(file);
  }
}
