import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

import type { InstalledProgram } from "../model/engine.ts";

/** The file in which is remembered what a program told, by what tells it from every other. */
export function memoryOf({ XDG_CACHE_HOME: cache }: NodeJS.ProcessEnv, identity: readonly string[]): string {
  const name = createHash("sha256").update(identity.join("\n")).digest("hex").slice(0, 16);
  return join(cache === undefined || cache === "" ? join(homedir(), ".cache") : cache, "tandem", "flags", `${name}.json`);
}

export function recall(file: string): InstalledProgram | undefined {
  try {
    return parseInstalledProgram(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined; // never asked, or written by a hand that slipped: it is asked again
  }
}

function parseInstalledProgram(value: unknown): InstalledProgram | undefined {
  if (typeof value !== "object" || value === null || !("flags" in value) || !Array.isArray(value.flags)) return undefined;
  const flags = value.flags.filter((flag) => typeof flag === "string");
  const beside = "beside" in value && typeof value.beside === "object" && value.beside !== null ? Object.entries(value.beside) : [];
  const versions = beside.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return {
    ...("version" in value && typeof value.version === "string" ? { version: value.version } : {}),
    flags,
    ...(versions.length === 0 ? {} : { beside: Object.fromEntries(versions) }),
  };
}

/** A home that cannot be written to only means that it is asked again. */
export function remember(file: string, found: InstalledProgram): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(found)}\n`);
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    return;
  }
}

/** Those that did not say, and are not asked again by this process: it may take minutes each time. */
export const silent = new Set<string>();
