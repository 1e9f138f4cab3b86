import { playLanes } from "./lanes.ts";
import { requestBody } from "./load.ts";

// Node's fetch, text decoded and split at blank lines, every event parsed: what a careful user writes.
await playLanes(async (id, load, token) => {
  const headers = { "content-type": "application/json", "x-request-id": String(id) };
  const response = await fetch(`http://127.0.0.1:${load.port}/v1/completions`, { method: "POST", headers, body: requestBody(load) });
  if (response.body === null) throw new Error("no body");
  let rest = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + piece).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      const data = event.slice("data: ".length);
      if (data !== "[DONE]" && JSON.parse(data).choices.length > 0) token();
    }
  }
});
