import { kernelStamps } from "../host/native.ts";
import type { Finding } from "./checkUp.ts";

/** Who would stamp what is received. */
export async function receivedStamps(): Promise<readonly Finding[]> {
  const what = "receive stamps";
  if (kernelStamps() !== undefined) return [{ what, state: "ok", found: "by the kernel" }];
  const fix =
    process.platform === "linux"
      ? "install a C compiler (on Debian: apt install gcc libc6-dev), and start by ./tandem, in a folder whose path has no space or colon: the kernel then stamps them, also on a busy machine"
      : "on Linux the kernel can stamp them, also on a busy machine; here believe the harness's own error";
  return [{ what, state: "missing", found: "when they are read", fix }];
}
