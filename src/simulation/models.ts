import { HarnessError } from "../model/harnessError.ts";
import { nearest } from "../model/nearest.ts";

/** The shape of a dense transformer with gated feed-forward layers, 16-bit weights and KV cache. */
export interface ModelShape {
  /** With its organisation. */
  readonly name: string;
  readonly layers: number;
  readonly hidden: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly weightBytes: number;
  readonly contextLength: number;
}

export const bytesPerElement = 2;

// Shapes are those of each model's published config.json; weights are their published parameter counts, two bytes each.
const models: readonly ModelShape[] = [
  {
    name: "mistralai/Mistral-7B-Instruct-v0.2",
    layers: 32,
    hidden: 4096,
    queryHeads: 32,
    kvHeads: 8,
    headSize: 128,
    feedForward: 14_336,
    vocabulary: 32_000,
    weightBytes: 14.48e9,
    contextLength: 32_768,
  },
  {
    name: "THUDM/glm-4-9b-chat",
    layers: 40,
    hidden: 4096,
    queryHeads: 32,
    kvHeads: 2,
    headSize: 128,
    feedForward: 13_696,
    vocabulary: 151_552,
    weightBytes: 18.8e9,
    contextLength: 131_072,
  },
  {
    name: "meta-llama/Llama-3.1-8B-Instruct",
    layers: 32,
    hidden: 4096,
    queryHeads: 32,
    kvHeads: 8,
    headSize: 128,
    feedForward: 14_336,
    vocabulary: 128_256,
    weightBytes: 16.06e9,
    contextLength: 131_072,
  },
];

/** The model of that name, with or without its organisation, in any case. */
export function findModel(name: string): ModelShape {
  const wanted = withoutOrganisation(name);
  const found = models.find((model) => withoutOrganisation(model.name) === wanted);
  if (found !== undefined) return found;
  const meant = nearest(
    wanted,
    models.map((model) => withoutOrganisation(model.name)),
  );
  const suggestion = models.find((model) => withoutOrganisation(model.name) === meant)?.name;
  throw new HarnessError(
    "usage",
    `the simulated engine has no model "${name}"${suggestion === undefined ? "" : `, did you mean "${suggestion}"?`}`,
    {
      hint: `it knows ${models.map((model) => model.name).join(", ")}`,
    },
  );
}

/** Bytes of keys and values that one token takes on each of `tensorParallel` GPUs; heads are repeated where there are fewer than GPUs. */
export function kvBytesPerToken(model: ModelShape, tensorParallel: number): number {
  const whole = 2 * model.layers * model.kvHeads * model.headSize * bytesPerElement;
  return whole / Math.min(tensorParallel, model.kvHeads);
}

function withoutOrganisation(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1).toLowerCase();
}
