import { checkOptions, nonEmptyText, serviceWord, type OptionRule } from "../../model/checkOptions.ts";
import { HarnessError } from "../../model/harnessError.ts";
import type { Service, ServiceSlot, Services } from "../../model/service.ts";
import { hostAndPort, parseHostAndPort } from "./address.ts";
import { baseConfig, configFile, configOf, quoted, redis } from "./redis.ts";

export interface RedisSentinelOptions {
  /** What the sentinels call the master; "redismaster" unless said, as LMCache does. */
  readonly serviceName?: string;
  /** Engines that say the same key share all of them; otherwise each engine has its own. */
  readonly shared?: string;
  /** "host:port" of each sentinel, where they are running already. */
  readonly at?: readonly string[];
  /** `redis-server` and `redis-sentinel` on the PATH unless said. */
  readonly programs?: { readonly server?: string; readonly sentinel?: string };
}

const rules: Readonly<Record<keyof RedisSentinelOptions, OptionRule>> = {
  serviceName: (value) => (typeof value === "string" && /^[\w.-]+$/.test(value) ? undefined : 'must be letters, digits, "_", "-" and "."'),
  shared: serviceWord,
  at: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((one) => hostAndPort(one) === undefined)
      ? undefined
      : 'must be a list of "host:port", one for each sentinel',
  programs: (value) => (typeof value === "object" && value !== null ? undefined : "must be an object"),
};

export const defaultServiceName = "redismaster";

/** A Redis master with its replica and three sentinels, or the sentinels that are running: "sentinel-1" and so on, each on a port "sentinel". */
export function redisSentinel(options: RedisSentinelOptions = {}): Services {
  checkOptions("redisSentinel()", options, Object.keys(rules), rules);
  const { at } = options;
  checkOptions("redisSentinel(): programs", options.programs ?? {}, ["server", "sentinel"], {
    server: nonEmptyText,
    sentinel: nonEmptyText,
  });
  if (at !== undefined && options.programs !== undefined) {
    throw new HarnessError("usage", "redisSentinel(): programs are for sentinels that are started, at for those that are running");
  }
  const each = at === undefined ? threeSentinels(options) : at.map((where, index) => runningSentinel(where, index, options));
  return Object.fromEntries(each.map((service) => [service.name, service]));
}

/** Where each of an engine's sentinels is: "host:port". */
export function sentinelAddresses(services: ServiceSlot["services"]): readonly string[] {
  return Object.entries(services).flatMap(([name, { host, ports }]) =>
    name.startsWith("sentinel-") ? [`${host}:${ports["sentinel"]}`] : [],
  );
}

const missing = "install it (Debian and Ubuntu: apt-get install redis-server redis-sentinel), or say where sentinels are running";

function threeSentinels({ serviceName = defaultServiceName, shared, programs = {} }: RedisSentinelOptions): readonly Service[] {
  const key = shared === undefined ? {} : { shared };
  const program = programs.server === undefined ? {} : { program: programs.server };
  const master = redis({ name: "redis-master", ...key, ...program });
  const replica = replicaOf(master, programs.server ?? "redis-server");
  return [1, 2, 3].map((number) => sentinel(number, { master, replica, serviceName, program: programs.sentinel ?? "redis-sentinel" }));
}

/** Up once it has copied its master. */
function replicaOf(master: Service, program: string): Service {
  return {
    name: "redis-replica",
    kind: "Redis replica",
    ...sharedAs(master),
    needs: { master },
    launch: {
      kind: "process",
      ports: ["redis"],
      command: ({ ports, directory, services }) => ({
        program,
        args: [`${directory}/${configFile}`],
        env: {},
        discards: [configFile],
        files: {
          [configFile]: configOf([
            ...baseConfig(ports["redis"], directory),
            `replicaof ${services["master"]?.host} ${services["master"]?.ports["redis"]}`,
          ]),
        },
      }),
      missing,
    },
    ready: { check: { kind: "redis", port: "redis", command: "INFO replication", answer: "master_link_status:up" }, within: 60 },
  };
}

interface SentinelNeeds {
  readonly master: Service;
  readonly replica: Service;
  readonly serviceName: string;
  readonly program: string;
}

/** Up once it knows the two others: an engine that asks one of them must find a quorum. It writes what it learns into its configuration. */
function sentinel(number: number, { master, replica, serviceName, program }: SentinelNeeds): Service {
  return {
    name: `sentinel-${number}`,
    kind: "Redis Sentinel",
    ...sharedAs(master),
    needs: { master, replica },
    launch: {
      kind: "process",
      ports: ["sentinel"],
      command: ({ ports, directory, services }) => ({
        program,
        args: [`${directory}/${configFile}`],
        env: {},
        discards: [configFile],
        files: {
          [configFile]: configOf([
            `port ${ports["sentinel"]}`,
            "bind 127.0.0.1",
            `dir ${quoted(directory)}`,
            "daemonize no",
            `sentinel monitor ${serviceName} ${services["master"]?.host} ${services["master"]?.ports["redis"]} 2`,
            `sentinel down-after-milliseconds ${serviceName} 5000`,
            `sentinel failover-timeout ${serviceName} 60000`,
          ]),
        },
      }),
      missing,
    },
    ready: { check: { kind: "redis", port: "sentinel", command: `SENTINEL CKQUORUM ${serviceName}`, answer: "+OK 3 usable" }, within: 60 },
  };
}

function runningSentinel(where: string, index: number, { serviceName = defaultServiceName, shared }: RedisSentinelOptions): Service {
  const { host, port } = parseHostAndPort(where);
  return {
    name: `sentinel-${index + 1}`,
    kind: "Redis Sentinel",
    ...(shared === undefined ? {} : { shared }),
    needs: {},
    launch: { kind: "running", at: { host, ports: { sentinel: port } } },
    ready: { check: { kind: "redis", port: "sentinel", command: `SENTINEL CKQUORUM ${serviceName}`, answer: "+OK" }, within: 2 },
  };
}

function sharedAs({ shared }: Service): Pick<Service, "shared"> {
  return shared === undefined ? {} : { shared };
}
