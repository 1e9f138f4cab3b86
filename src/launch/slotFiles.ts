import { chmod, lstat, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Command } from "../model/engine.ts";

/** Writes a command's files into the slot's directory, for this user's eyes alone: a configuration may hold a password. */
export async function writeFiles(directory: string, { files = {} }: Pick<Command, "files">): Promise<void> {
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o700);
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content, { mode: 0o600 });
}

/** Removes what a command keeps there and nobody needs any more, once nobody writes it. Never anything outside the slot's directory. */
export async function discardFiles(directory: string, { discards = [] }: Pick<Command, "discards">): Promise<void> {
  for (const name of discards.filter(isInside)) await rm(join(directory, name), { recursive: true, force: true });
}

/** Removes what lies in directories of the slot's, which stay, for whoever is at work in them; says how much it was. Where there is a link instead, nothing. */
export async function emptyDirectories(directory: string, names: readonly string[]): Promise<number> {
  let removed = 0;
  for (const name of names.filter(isInside)) {
    const path = join(directory, name);
    const isOurs = (await lstat(path).catch(() => undefined))?.isDirectory() === true; // it may not have been written yet
    const entries = isOurs ? await readdir(path) : [];
    for (const entry of entries) await rm(join(path, entry), { recursive: true, force: true });
    removed += entries.length;
  }
  return removed;
}

function isInside(name: string): boolean {
  return /^[\w.-]+$/.test(name) && name !== "." && name !== "..";
}
