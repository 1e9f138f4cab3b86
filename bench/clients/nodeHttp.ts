import { Agent, request as httpRequest } from "node:http";

import { playLanes } from "./lanes.ts";
import { requestBody } from "./load.ts";

// node:http with a scan of the bytes for event ends: no JSON is parsed, the cheapest way to use it.
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const lineFeed = 10;

await playLanes(async (id, load, token) => {
  const body = requestBody(load);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body), "x-request-id": String(id) };
  let seen = 0;
  let afterLineFeed = false;
  await new Promise<void>((resolve, reject) => {
    const asked = httpRequest(
      { agent, host: "127.0.0.1", port: load.port, path: "/v1/completions", method: "POST", headers },
      (response) => {
        response.on("data", (bytes: Buffer) => {
          for (const byte of bytes) {
            if (byte === lineFeed && afterLineFeed && ++seen <= load.tokens) token();
            afterLineFeed = byte === lineFeed && !afterLineFeed;
          }
        });
        response.on("end", resolve);
        response.on("error", reject);
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });
});
