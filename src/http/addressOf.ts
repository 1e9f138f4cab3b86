import { isIP } from "node:net";

/** Where a server listens, and whether it speaks TLS there. */
export interface Address {
  /** A name or a number, as a socket takes it: IPv6 without its brackets. */
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

export function addressOf({ protocol, hostname, port }: URL): Address {
  const isTls = protocol === "https:";
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port === "" ? (isTls ? 443 : 80) : Number(port), isTls };
}

/** Which of its servers a host is asked for, as an option of TLS: a number asks for none. */
export function serverName(host: string): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}
