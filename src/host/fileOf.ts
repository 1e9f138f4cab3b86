import type { Socket } from "node:net";

/** A socket's number (a file descriptor), while it is open. Node has it in a handle that it does not document; of TLS, in the handle that this one wraps. */
export function fileOf(socket: Socket): number | undefined {
  const handle = (socket as { readonly _handle?: { readonly fd?: unknown } })._handle;
  return typeof handle?.fd === "number" && handle.fd >= 0 ? handle.fd : undefined;
}
