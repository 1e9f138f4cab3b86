import { checkOptions, nonEmptyText, serviceWord, type OptionRule } from "../../model/checkOptions.ts";
import { HarnessError } from "../../model/harnessError.ts";
import type { Command } from "../../model/engine.ts";
import type { Service } from "../../model/service.ts";
import { hostAndPort, parseHostAndPort } from "./address.ts";

export interface LmServerOptions {
  /** "0.1": `python -m lmcache.server`. "v1": `lmcache_server`, which knows memory only; unless said. */
  readonly era?: "0.1" | "v1";
  /** "cpu" for memory, unless said; of era 0.1 also the absolute path of a directory. */
  readonly storage?: string;
  readonly shared?: string;
  /** "host:port" of one that is running already. */
  readonly at?: string;
  /** Of era 0.1 the Python that has LMCache, `python3` unless said; of v1 `lmcache_server`. */
  readonly program?: string;
}

const rules: Readonly<Record<keyof LmServerOptions, OptionRule>> = {
  era: (value) => (value === "0.1" || value === "v1" ? undefined : 'must be "0.1" or "v1"'),
  storage: (value) =>
    typeof value === "string" && (value === "cpu" || value.startsWith("/")) ? undefined : 'must be "cpu" or an absolute path',
  shared: serviceWord,
  at: hostAndPort,
  program: nonEmptyText,
};

/** LMCache's old server, which engines reach by lm://host:port. Its port is named "lm". */
export function lmServer(options: LmServerOptions = {}): Service {
  checkOptions("lmServer()", options, Object.keys(rules), rules);
  const { era = "v1", storage = "cpu", shared, at } = options;
  if (era === "v1" && storage !== "cpu") {
    throw new HarnessError("usage", "lmServer(): today's lm:// server keeps its cache in memory only", {
      hint: 'for a disk behind a server, use withLmcache({ mode: "server", server: { l2: [{ kind: "fs" }] } }); era: "0.1" has one',
    });
  }
  const where = at === undefined ? undefined : parseHostAndPort(at);
  return {
    name: "lm-server",
    kind: "LMCache lm:// server",
    ...(shared === undefined ? {} : { shared }),
    needs: {},
    launch:
      where === undefined
        ? {
            kind: "process",
            ports: ["lm"],
            command: ({ ports }) => commandOf(options, ports["lm"]),
            missing: `install LMCache (pip install lmcache), or say where it is: program: "/path/to/${era === "v1" ? "lmcache_server" : "python"}"`,
          }
        : { kind: "running", at: { host: where.host, ports: { lm: where.port } } },
    ready: { check: { kind: "tcp", port: "lm" }, within: at === undefined ? 120 : 2 },
  };
}

function commandOf({ era = "v1", storage = "cpu", program }: LmServerOptions, port: number | undefined): Command {
  const where = ["127.0.0.1", String(port), storage];
  // Unbuffered, or its log would say nothing until it ends.
  const env = { PYTHONUNBUFFERED: "1" };
  return era === "v1"
    ? { program: program ?? "lmcache_server", args: where, env }
    : { program: program ?? "python3", args: ["-u", "-m", "lmcache.server", ...where], env };
}
