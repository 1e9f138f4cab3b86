import { parseArgs } from "node:util";

/** What a client program is told: the same words for every one of them, in C, TypeScript and Python. */
export interface Load {
  readonly port: number;
  /** Of several servers, which get the requests in turn: only ours. */
  readonly ports: readonly number[];
  /** Connections, each with one request under way at a time. */
  readonly streams: number;
  /** Over all connections. */
  readonly requests: number;
  readonly tokens: number;
  /** The first requests of the connections are spread over this long. */
  readonly rampMs: number;
  readonly promptBytes: number;
  /** More than 0: requests by the clock, not one after the other. */
  readonly rate: number;
  /** The server keeps a timetable and knows when it wrote what. */
  readonly paced: boolean;
  /** A directory for a real journal, where the client is Tandem. */
  readonly journal: string | undefined;
  readonly workers: number;
  /** The server's process, where it is on a core of its own that a client must leave to it. */
  readonly serverPid: number | undefined;
}

export function loadFromArguments(): Load {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      streams: { type: "string", default: "64" },
      requests: { type: "string", default: "1000" },
      tokens: { type: "string", default: "200" },
      "ramp-ms": { type: "string", default: "0" },
      "prompt-bytes": { type: "string", default: "64" },
      rate: { type: "string", default: "0" },
      paced: { type: "string", default: "0" },
      journal: { type: "string" },
      workers: { type: "string", default: "1" },
      "server-pid": { type: "string" },
    },
  });
  return {
    port: Number(positionals[0]),
    ports: positionals.map(Number),
    streams: Number(values.streams),
    requests: Number(values.requests),
    tokens: Number(values.tokens),
    rampMs: Number(values["ramp-ms"]),
    promptBytes: Number(values["prompt-bytes"]),
    rate: Number(values.rate),
    paced: values.paced === "1",
    journal: values.journal,
    workers: Number(values.workers),
    serverPid: values["server-pid"] === undefined ? undefined : Number(values["server-pid"]),
  };
}

/** What a client sends, byte for byte as much as the C client does. */
export function requestBody({ promptBytes, tokens }: Load): string {
  return JSON.stringify({ model: "truth", prompt: "x".repeat(promptBytes), max_tokens: tokens, stream: true });
}
