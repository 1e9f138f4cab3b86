import { HarnessError } from "../../model/harnessError.ts";
import type { OptionRule } from "../../model/checkOptions.ts";

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** "host:port", as authors write where something runs. */
export function parseHostAndPort(text: string): HostAndPort {
  const [, host, port] = /^(?:\[([^\]]+)\]|([^:/@\s]+)):(\d{1,5})$/.exec(text)?.filter((part) => part !== undefined) ?? [];
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new HarnessError("usage", `"${text}" is not where a service runs`, { hint: "it looks like cache-host:6379" });
}

export const hostAndPort: OptionRule = (value) =>
  typeof value === "string" && /^(?:\[[^\]]+\]|[^:/@\s]+):\d{1,5}$/.test(value) ? undefined : 'must be "host:port"';

/** Services, and keys to share them by: both become directories. */
export const serviceWord: OptionRule = (value) =>
  typeof value === "string" && /^[a-z0-9][a-z0-9-]*$/.test(value) ? undefined : "must be lower-case letters, digits and dashes";
