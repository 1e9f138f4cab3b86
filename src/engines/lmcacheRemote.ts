import type { ServiceAddress, Service, Services } from "../model/service.ts";
import { serverPlace } from "./services/address.ts";
import { lmServer, type LmServerOptions } from "./services/lmServer.ts";
import { redis } from "./services/redis.ts";
import { defaultServiceName, redisSentinel, sentinelAddresses } from "./services/redisSentinel.ts";
import { valkey } from "./services/valkey.ts";

/** Where a configuration's `remote_url` leads. */
export interface Remote {
  readonly kind: "lm" | "redis" | "valkey" | "redis-sentinel" | "other";
  readonly url: string;
  /** We start it: it is said to be on this machine, without a login. */
  readonly started: boolean;
  readonly hosts: readonly string[];
  /** Of Redis its database, of sentinels the name of their master; with the slash. */
  readonly path: string;
  readonly login?: { readonly user?: string; readonly password: string };
}

export interface RemoteOptions {
  /** "running": it is there already, also where its address is of this machine. */
  readonly remote?: "started" | "running";
  readonly shared?: string;
  /** Of a server that is started for lm://. */
  readonly lmServer?: Pick<LmServerOptions, "era" | "storage">;
  /** What starts it; on the PATH unless said. */
  readonly lmProgram?: string;
}

/** Undefined where a configuration names none. */
export function remoteOf(url: unknown, { remote }: RemoteOptions): Remote | undefined {
  if (typeof url !== "string" || url === "") return undefined;
  const [, scheme = "", login, hosts = "", path = ""] = /^([a-z0-9+.-]+):\/\/(?:([^/]*)@)?([^/?]*)(\/[^?]*)?/i.exec(url) ?? [];
  const kind = kinds[scheme] ?? "other";
  const each = hosts.split(",").map((host) => host.replace(/^redis-sentinel:\/\//, ""));
  const isHere = each.every((host) => /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(host));
  return {
    kind,
    url,
    started: kind !== "other" && remote !== "running" && isHere && login === undefined,
    hosts: each,
    path,
    ...loginOf(login),
  };
}

const kinds: Readonly<Record<string, Remote["kind"]>> = {
  lm: "lm",
  redis: "redis",
  resp: "redis",
  valkey: "valkey",
  "redis-sentinel": "redis-sentinel",
};

/** What must be up for it; nothing of the kinds we cannot look at. */
export function servicesOf(
  { kind, started, hosts, path, login }: Remote,
  { shared, lmServer: lm = {}, lmProgram }: RemoteOptions,
): Services {
  const at = started ? {} : { at: hosts[0] ?? "" };
  const key = shared === undefined ? {} : { shared };
  switch (kind) {
    case "lm":
      return named(lmServer({ ...at, ...key, ...lm, ...(lmProgram === undefined ? {} : { program: lmProgram }) }));
    case "redis":
      return named(redis({ ...at, ...key, ...login }));
    case "valkey":
      return named(valkey({ ...at, ...key, ...login }));
    case "redis-sentinel":
      return redisSentinel({ ...(started ? {} : { at: hosts }), ...key, serviceName: masterOf(path) });
    case "other":
      return {};
  }
}

/** The URL with the ports that were granted, for the engine's configuration. */
export function urlAt({ kind, url, started, path }: Remote, services: Readonly<Record<string, ServiceAddress>>): string {
  // LMCache takes the master's name from the environment.
  if (kind === "redis-sentinel")
    return started ? `redis-sentinel://${sentinelAddresses(services).join(",")}` : url.replace(/(?<=[^/])\/[^/]*$/, "");
  const [at] = Object.values(services);
  if (!started || at === undefined) return url;
  const [port] = Object.values(at.ports);
  return `${url.slice(0, url.indexOf("://"))}://${at.host}:${port}${path}`;
}

/** What LMCache needs to know beside the URL. */
export function environmentOf({ kind, path }: Remote): Readonly<Record<string, string>> {
  return kind === "redis-sentinel" ? { REDIS_SERVICE_NAME: masterOf(path) } : {};
}

/** Two engines with the same one find each other's cache, however its address is written. */
export function placeOf({ kind, url, hosts, path }: Remote): string {
  const place = kind === "other" ? elsewhere(url) : `${protocols[kind]}://${hosts.map(serverPlace).sort().join(",")}${path}`;
  return place.replace(/\/(?:0\/?)?$/, "");
}

/** Valkey and Redis speak alike: at one address there is one of them. */
const protocols = { lm: "lm", redis: "redis", valkey: "redis", "redis-sentinel": "redis-sentinel" } as const;

/** Of a kind that we know nothing of. */
function elsewhere(url: string): string {
  return url.replace(/(?<=\/\/)[^/\s]*@/, "").replace(/(?<=\/\/)[^/?\s]+/, serverPlace);
}

function masterOf(path: string): string {
  return path.length > 1 ? path.slice(1) : defaultServiceName;
}

function named(service: Service): Services {
  return { [service.name]: service };
}

function loginOf(text: string | undefined): Pick<Remote, "login"> {
  if (text === undefined || text === "") return {};
  const [, user = "", password = ""] = (/^([^:]*):(.+)$/.exec(text) ?? []).map(decoded);
  if (password === "") return {};
  return { login: { password, ...(user === "" ? {} : { user }) } };
}

/** As it stands where it is no encoding of anything. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
