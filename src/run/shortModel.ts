import { isAbsolute } from "node:path";

/** A model given as a local path goes by its base name. */
export function shortModel(model: string): string {
  return isAbsolute(model) || model.startsWith(".") ? (model.split("/").findLast((part) => part !== "") ?? model) : model;
}
