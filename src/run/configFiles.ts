import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import type { Engine, World } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { apart } from "./mistakes.ts";
import { nearestPath } from "./nearestPath.ts";

/** Reads the configuration files an engine names: relative to the test file, then to the working directory. */
export async function worldOf(
  engine: Engine,
  testFile: string | undefined,
): Promise<{ readonly world: World; readonly mistakes: readonly HarnessError[] }> {
  const configFiles: Record<string, unknown> = {};
  const mistakes: HarnessError[] = [];
  for (const given of engine.configFiles) {
    try {
      configFiles[given] = await parsed(given, testFile);
    } catch (error) {
      mistakes.push(...apart(error));
    }
  }
  return { world: { configFiles }, mistakes };
}

async function parsed(given: string, testFile: string | undefined): Promise<unknown> {
  const path = found(given, testFile);
  const { parseDocument } = await import("yaml");
  const document = parseDocument(readFileSync(path, "utf8"), { prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined) throw new HarnessError("usage", `${path} is not YAML: ${error.message}`, { cause: error });
  return document.toJS() as unknown;
}

function found(given: string, testFile: string | undefined): string {
  const tried = candidates(given, testFile);
  const path = tried.find((candidate) => existsSync(candidate));
  if (path !== undefined) return path;
  const meant = tried.map(nearestPath).find((found) => found !== undefined);
  throw new HarnessError("usage", `there is no configuration file ${given}`, {
    hint: `${meant === undefined ? "" : `did you mean ${meant}? `}looked at ${tried.join(" and ")}`,
  });
}

function candidates(given: string, testFile: string | undefined): readonly string[] {
  if (given.startsWith("file:")) return [fileURLToPath(given)];
  if (isAbsolute(given)) return [given];
  const besides = testFile === undefined ? [] : [resolve(dirname(testFile), given)];
  return [...new Set([...besides, resolve(given)])];
}
