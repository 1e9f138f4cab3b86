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

/** Servers that are one, in one text: this machine has several names, and hosts are the same in capitals. */
export function serverPlace(hostAndPort: string): string {
  return hostAndPort.toLowerCase().replace(/^(?:127\.0\.0\.1|\[::1\])(?=:|$)/, "localhost");
}

/** Directories that are one, in one text: "/kv", "/kv/", "/data/../kv". */
export function directoryPlace(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `${path.startsWith("/") ? "/" : ""}${parts.join("/")}`;
}
