import { connect as connectPlain, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, type SecureContext } from "node:tls";

import { serverName, type Address } from "./addressOf.ts";

export interface Server extends Address {
  /** https without looking at the certificate. */
  readonly acceptAnyCertificate: boolean;
}

/** Made once: each takes a millisecond, and else every connection would have its own. */
let secureContext: SecureContext | undefined;

/** A socket on its way to a server. `opened` is called once it can carry bytes; what is written before waits in it. */
export function dial({ host, port, isTls, acceptAnyCertificate }: Server, onread: OnReadOpts, opened?: () => void): Socket {
  const to = { host, port, noDelay: true, onread };
  if (!isTls) return connectPlain(to, opened);
  secureContext ??= createSecureContext();
  const certificate = { rejectUnauthorized: !acceptAnyCertificate, ...serverName(host) };
  const socket = connectTls({ ...to, ALPNProtocols: ["http/1.1"], secureContext, ...certificate }, opened);
  return socket.setNoDelay(true); // which its options do not say
}
