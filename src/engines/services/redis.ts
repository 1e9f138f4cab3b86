import { checkOptions, nonEmptyText, positive, serviceWord, type OptionRule } from "../../model/checkOptions.ts";
import type { Service } from "../../model/service.ts";
import { hostAndPort, parseHostAndPort } from "./address.ts";

export interface RedisOptions {
  /** "redis" unless said: an engine that needs two gives them different names. */
  readonly name?: string;
  /** Engines that say the same key share it; otherwise each has its own. */
  readonly shared?: string;
  /** "host:port" of one that is running already: it is looked at, never started and never ended. */
  readonly at?: string;
  readonly user?: string;
  readonly password?: string;
  /** Beyond it the least recently used keys go; without it memory is the limit. */
  readonly maxMemoryGigabytes?: number;
  /** `redis-server` on the PATH unless said. */
  readonly program?: string;
}

export const redisRules: Readonly<Record<keyof RedisOptions, OptionRule>> = {
  name: serviceWord,
  shared: serviceWord,
  at: hostAndPort,
  user: nonEmptyText,
  password: nonEmptyText,
  maxMemoryGigabytes: positive,
  program: nonEmptyText,
};

/** A Redis server on a port named "redis", empty at the start, that writes nothing to disk. */
export function redis(options: RedisOptions = {}): Service {
  checkOptions(
    "redis()",
    { ...options, password: options.password === undefined ? undefined : "***" },
    Object.keys(redisRules),
    redisRules,
  );
  const missing = "install Redis (Debian and Ubuntu: apt-get install redis-server), or say where one is running";
  return keyValueServer({ name: "redis", program: "redis-server", kind: "Redis", missing, ...options });
}

/** What Redis and its successors have in common: the protocol, the flags, the question whether it is up. */
export function keyValueServer(
  options: RedisOptions & { readonly name: string; readonly program: string; readonly kind: string; readonly missing: string },
): Service {
  const { name, kind, shared, at, user, password, maxMemoryGigabytes, program, missing } = options;
  const login = password === undefined ? {} : { login: { password, ...(user === undefined ? {} : { user }) } };
  const memory = maxMemoryGigabytes === undefined ? [] : memoryLimit(maxMemoryGigabytes);
  return {
    name,
    kind,
    ...(shared === undefined ? {} : { shared }),
    needs: {},
    launch:
      at === undefined
        ? {
            kind: "process",
            ports: ["redis"],
            command: ({ ports, directory }) => ({
              program,
              args: [`${directory}/${configFile}`],
              env: {},
              discards: [configFile],
              files: { [configFile]: configOf([...baseConfig(ports["redis"], directory), ...memory, ...passwordOf(password)]) },
            }),
            missing,
          }
        : { kind: "running", at: addressAt(at) },
    ...(at === undefined ? { resets: [{ kind: "redis", port: "redis", command: "FLUSHALL", ...login }] } : {}),
    ready: { check: { kind: "redis", port: "redis", command: "PING", answer: "PONG", ...login }, within: at === undefined ? 30 : 2 },
  };
}

export const configFile = "server.conf";

/** Only on this machine, nothing on disk: what an experiment leaves must not be there for the next one. */
export function baseConfig(port: number | undefined, directory: string): readonly string[] {
  const local = [`port ${port}`, "bind 127.0.0.1", `dir ${quoted(directory)}`, "daemonize no"];
  // A replica is otherwise given its first copy only after 5 s, in case others come too.
  return [...local, 'save ""', "appendonly no", "repl-diskless-sync-delay 0"];
}

export function configOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** As Redis's configuration files want a text that may hold spaces. */
export function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

function memoryLimit(gigabytes: number): readonly string[] {
  return [`maxmemory ${Math.round(gigabytes * 1_000_000_000)}`, "maxmemory-policy allkeys-lru"];
}

/** In the file, which is this user's alone: a command line is everybody's. */
function passwordOf(password: string | undefined): readonly string[] {
  return password === undefined ? [] : [`requirepass ${quoted(password)}`];
}

function addressAt(at: string) {
  const { host, port } = parseHostAndPort(at);
  return { host, ports: { redis: port } };
}
