import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
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
  const inside = discards.filter((name) => /^[\w.-]+$/.test(name) && name !== "." && name !== "..");
  for (const name of inside) await rm(join(directory, name), { recursive: true, force: true });
}
