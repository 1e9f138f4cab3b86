import { checkOptions } from "../../model/checkOptions.ts";
import type { Service } from "../../model/service.ts";
import { keyValueServer, redisRules, type RedisOptions } from "./redis.ts";

/** A Valkey server: as redis(), on a port of the same name, so that either serves. */
export function valkey(options: RedisOptions = {}): Service {
  checkOptions(
    "valkey()",
    { ...options, password: options.password === undefined ? undefined : "***" },
    Object.keys(redisRules),
    redisRules,
  );
  const missing = "install Valkey (Debian 13 and Ubuntu 24.04 on: apt-get install valkey-server), or say where one is running";
  return keyValueServer({ name: "valkey", program: "valkey-server", kind: "Valkey", missing, ...options });
}
