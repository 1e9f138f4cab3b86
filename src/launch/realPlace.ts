import { realpathSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { hostname, networkInterfaces } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { unlessGone } from "../host/unlessGone.ts";

/** Where cache is kept, as the one name that all of its names have in common: links followed, hosts by their address. */
export async function realPlace(place: string): Promise<string> {
  if (place.startsWith("/")) return realDirectory(place);
  const hosts = [...new Set([...place.matchAll(hostBeforePort)].map(([host]) => host))];
  const real = new Map(await Promise.all(hosts.map(async (host) => [host, await realHost(host)] as const)));
  return place.replaceAll(hostBeforePort, (host) => real.get(host) ?? host);
}

const hostBeforePort = /\[[^\]]+\](?=:\d)|[\w.-]+(?=:\d)/g;

/** Of what is not there yet, below what is. */
function realDirectory(path: string): string {
  const real = unlessGone(() => realpathSync(path));
  if (real !== undefined || path === "/") return real ?? path;
  return join(realDirectory(dirname(path)), basename(path));
}

/** This machine has many names: each of its addresses is one. */
async function realHost(host: string): Promise<string> {
  const bare = host.replaceAll(/[[\]]/g, "").toLowerCase();
  if (isHere(bare)) return "localhost";
  const address = await Promise.race([lookup(bare).catch(() => undefined), pause(longestLookup, undefined, { ref: false })]);
  if (address === undefined) return bare;
  return isHere(address.address) ? "localhost" : address.address;
}

/** A name that nobody answers for stays one: the run itself will say so. Milliseconds. */
const longestLookup = 1_000;

function isHere(host: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));
  return host === "localhost" || host === "::1" || host.startsWith("127.") || host === hostname().toLowerCase() || own.includes(host);
}
