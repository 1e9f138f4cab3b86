import { lstatSync, mkdtempSync, rmSync } from "node:fs";
import { isAbsolute } from "node:path";

import { isErrno } from "./processTable.ts";
import { unlessGone } from "./unlessGone.ts";

/**
 * In bytes. The name of a socket has 107 at most; vLLM appends 36 of a UUID, and LMCache in its process up to 92 ("/engine_", UUID, "_dp0",
 * "_service_lookup_scheduler_lmcache_rpc_port_10").
 */
const longest = 14;

/** A new directory for sockets and other temporary files, with a path that leaves them room; undefined where the folder for such files has none. */
export function temporaryDirectory(own: NodeJS.ProcessEnv): string | undefined {
  const folder = temporaryFolder(own);
  // Whoever is told it, and whoever removes it, has another working directory.
  if (!isAbsolute(folder)) return undefined;
  const start = `${folder.replace(/\/+$/, "")}/td-`;
  if (Buffer.byteLength(`${start}XXXXXX`) > longest) return undefined;
  try {
    return mkdtempSync(start);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EROFS", "ENOSPC", "EDQUOT")) return undefined;
    throw error;
  }
}

/** Where temporary files go, as Python sees it: a variable without a word says nothing. */
export function temporaryFolder({ TMPDIR: folder = "" }: NodeJS.ProcessEnv): string {
  return folder === "" ? "/tmp" : folder;
}

/** With all that is in it; never anything that is not one of ours. */
export function removeTemporaryDirectory(path: string): void {
  if (!/\/td-\w{6}$/.test(path)) return;
  const found = unlessGone(() => lstatSync(path));
  if (found?.isDirectory() === true && found.uid === process.getuid?.()) rmSync(path, { recursive: true, force: true });
}
