import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { punctualClock } from "../host/realClock.ts";
import { simulatedCore } from "../simulation/core.ts";
import { simulatedServer } from "../simulation/httpServer.ts";

export interface Unusual {
  /** Streams carry usage where it is asked for, as they do. */
  readonly usage?: boolean;
  /** Tokens of each event: 1 unless said. */
  readonly tokensOfEvent?: number;
  /** What becomes of `/tokenize`; it goes on to the simulated engine unless it has answered. */
  readonly tokenize?: (response: ServerResponse, body: Readonly<Record<string, unknown>>, asked: number) => "answered" | "passedOn";
}

export interface UnusualServer extends AsyncDisposable {
  readonly url: string;
  /** Bodies of `/tokenize`. */
  readonly asked: readonly string[];
}

/** For tests: a simulated engine behind a server that leaves things out, as others do. */
export async function unusualServer({
  usage = true,
  tokensOfEvent = 1,
  tokenize = () => "passedOn",
}: Unusual = {}): Promise<UnusualServer> {
  const options = { model: "Llama-3.1-8B-Instruct", gpu: "h100", tensorParallel: 1, gpuMemoryUtilization: 0.8 };
  const core = simulatedCore({ ...options, prefixCaching: true, chunkedPrefill: true, timeScale: 0.2 }, punctualClock());
  const engine = simulatedServer(core, { servedModel: options.model, tokenIdOffset: 0 });
  const enginePort = await listening(engine);
  const asked: string[] = [];
  const front = createServer((incoming, response) => void passOn(incoming, response));
  const passOn = async (incoming: IncomingMessage, response: ServerResponse) => {
    const body = await text(incoming);
    if (incoming.url === "/tokenize") {
      asked.push(body);
      if (tokenize(response, fieldsIn(body), asked.length) === "answered") return;
    }
    const sent = usage ? body : withoutUsage(body);
    const { method, url } = incoming;
    const onward = httpRequest({ port: enginePort, host: "127.0.0.1", method, path: url }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, { "content-type": answer.headers["content-type"] ?? "text/plain" });
      void joined(answer, response, tokensOfEvent);
    });
    onward.end(sent);
    response.on("close", () => onward.destroy());
  };
  const port = await listening(front);
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      for (const server of [front, engine]) {
        server.closeAllConnections();
        await new Promise((onClosed) => server.close(onClosed));
      }
    },
  };
}

async function listening(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port; // it listens on TCP
}

function withoutUsage(body: string): string {
  const { stream_options: _asked, ...rest } = fieldsIn(body);
  return body === "" ? "" : JSON.stringify(rest);
}

function fieldsIn(body: string): Readonly<Record<string, unknown>> {
  const value: unknown = body === "" ? {} : JSON.parse(body);
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** So many events in one, as engines do that send several tokens at a time. */
async function joined(answer: IncomingMessage, response: ServerResponse, tokensOfEvent: number): Promise<void> {
  let pending = "";
  const held: string[] = [];
  const sendHeld = () => {
    const [first = "", ...others] = held.splice(0);
    const texts = others.map((event) => /"(?:text|content)":"((?:[^"\\]|\\.)*)"/.exec(event)?.[1] ?? "").join("");
    response.write(first.replace(/("(?:text|content)":"(?:[^"\\]|\\.)*)"/, (_, start: string) => `${start}${texts}"`));
  };
  for await (const bytes of answer) {
    pending += String(bytes);
    const events = tokensOfEvent === 1 ? [] : pending.split(/(?<=\n\n)/);
    if (tokensOfEvent === 1) response.write(pending);
    pending = events.at(-1)?.endsWith("\n\n") === false ? (events.pop() ?? "") : "";
    for (const event of events) {
      const isText = /"(?:text|content)":"[^"]/.test(event) && event.startsWith("data:");
      if (!isText) {
        if (held.length > 0) sendHeld();
        response.write(event);
      } else if (held.push(event) === tokensOfEvent) sendHeld();
    }
  }
  response.end(pending);
}
