import { parseArgs } from "node:util";

import { watched, type FuzzOrder } from "./fuzzWatch.ts";

// npm run fuzz -- [--inputs 1000000] [--seed 1] [--only N]        what is tried: fuzzReplies.ts

const { values } = parseArgs({
  options: { inputs: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" }, only: { type: "string" } },
});

const seed = Number(values.seed);
const order: FuzzOrder =
  values.only === undefined
    ? { seed, from: 0, to: Number(values.inputs) }
    : { seed, from: Number(values.only), to: Number(values.only) + 1 };
const began = performance.now();
const result = await watched(new URL("fuzzReplies.ts", import.meta.url), order, {
  stuckAfter: 60, // under nice, on a busy machine, one took 5 s
  progress: (inputs) => console.error(`${inputs} inputs`),
});
const seconds = (performance.now() - began) / 1_000;
if (result.kind === "failed") {
  console.error(`input ${result.input} of seed ${seed}: ${result.complaint}\nagain: npm run fuzz -- --seed ${seed} --only ${result.input}`);
  process.exit(1); // where it is stuck, nothing else ends it
}
const inputs = order.to - order.from;
console.log(`${inputs} inputs of seed ${seed} in ${seconds.toFixed(0)} s, ${(inputs / seconds).toFixed(0)} a second: ${result.summary}`);
