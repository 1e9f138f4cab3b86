import { isErrno } from "./processTable.ts";

/** What is seen of a process or a file; undefined where it has gone, is somebody else's, or where there is no /proc. */
export function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM", "ENOTDIR")) return undefined;
    throw error;
  }
}
