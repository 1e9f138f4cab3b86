import { setTimeout as pause } from "node:timers/promises";

import { loadFromArguments, type Load } from "./load.ts";
import { errorsAgainstTruth, now, startWatch, type Received } from "./measured.ts";

/** One request from its first byte to its last; calls `token` for each event with text. */
export type Ask = (request: number, load: Load, token: () => void) => Promise<void>;

/** The frame of every Node client that is not ours: lanes, one request after the other on each, and the same figures at the end. */
export async function playLanes(ask: Ask): Promise<void> {
  const load = loadFromArguments();
  const received = new Map<number, Received>();
  let next = 0;
  let events = 0;
  const lane = async (index: number) => {
    await pause((load.rampMs * index) / load.streams);
    while (next < load.requests) {
      const request = next++;
      const reply: Received = { sent: now(), tokens: [] };
      if (load.paced) received.set(request, reply);
      await ask(request, load, () => {
        events++;
        if (load.paced) reply.tokens.push(now());
      });
    }
  };
  const stop = startWatch();
  await Promise.all(Array.from({ length: load.streams }, async (_, index) => lane(index)));
  const measured = stop(load);
  if (events !== load.requests * load.tokens) throw new Error(`${events} of ${load.requests * load.tokens} events`);
  const errors = load.paced ? await errorsAgainstTruth([load.port], (request) => received.get(request)) : {};
  console.log(JSON.stringify({ ...measured, ...errors }));
  process.exit(0); // pools keep the process up
}
