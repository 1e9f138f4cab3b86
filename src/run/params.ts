import { resolve } from "node:path";

import type { Params } from "../model/testCase.ts";
import { findGpu } from "../simulation/gpus.ts";

/** What the command line changes without editing a test file. */
export interface Overrides {
  readonly model?: string;
  readonly ports: readonly number[];
  readonly seed?: number;
  readonly requests?: number;
  readonly only?: readonly string[];
  readonly gpus?: readonly string[];
  readonly set: Readonly<Record<string, string>>;
  /** The GPU to simulate; undefined runs the engines themselves. */
  readonly simulate?: string;
}

/** The GPU of `--simulate` in small letters; one that there is not is a mistake of the call, whatever its tests. */
export function simulatedGpu(name: string): string {
  return findGpu(name).name;
}

/** The model of lmcache-tests' test functions, when `-m` names no other. */
const defaultModel = "mistralai/Mistral-7B-Instruct-v0.2";

/** `read` is told each key of `--set` that a test file asks for. All functions are given the same: what one wrote into it the next ones would read. */
export function paramsOf(overrides: Overrides, read: (key: string) => void = () => {}): Params {
  const set = new Proxy(Object.freeze({ ...overrides.set }), {
    get: (target, key) => {
      if (typeof key === "string") read(key);
      return Reflect.get(target, key) as unknown;
    },
    // Whoever goes through all of them reads all.
    ownKeys: (target) => {
      for (const key of Object.keys(target)) read(key);
      return Reflect.ownKeys(target);
    },
  });
  return Object.freeze({ model: fromAnywhere(overrides.model) ?? defaultModel, set });
}

/** `org/name` names the organisation in file names, as lmcache-tests does; a path of this machine is not an organisation. */
export function organisationOf(model: string | undefined): string | undefined {
  const parts = model?.split("/") ?? [];
  return parts.length === 2 && parts[0] !== "" && parts[0] !== "." && parts[0] !== ".." ? parts[0] : undefined;
}

/** Engines run in directories of their own, so a model given as a relative path is made absolute. */
function fromAnywhere(model: string | undefined): string | undefined {
  return model?.startsWith(".") === true ? resolve(model) : model;
}
