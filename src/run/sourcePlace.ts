import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { HarnessError } from "../model/harnessError.ts";

/** A line of an author's file. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** Where an error comes from: the first place in its stack that is neither Node's nor ours. Syntax errors carry theirs above the stack. */
export function sourcePlace(error: Error): SourcePlace | undefined {
  return firstPlace(error.stack ?? "");
}

/** For a syntax error of JavaScript, which keeps its place to itself: Node is asked again, and prints it. */
export function placeOfSyntaxError(file: string): SourcePlace | undefined {
  const { stderr } = spawnSync(process.execPath, ["--check", file], { encoding: "utf8" });
  return firstPlace(stderr);
}

/** Where a file asks for a module by a name that ends so. */
export function placeOfImport(file: string, ending: string): SourcePlace | undefined {
  const line = readFileSync(file, "utf8")
    .split("\n")
    .findIndex((text) => /\b(?:from|import)\b/.test(text) && [`${ending}"`, `${ending}'`].some((quoted) => text.includes(quoted)));
  return line === -1 ? undefined : placeAt(file, line + 1);
}

/**
 * Whether what nobody caught comes from an author's file, or a package of the author's own: what is no Error always does, as nobody here throws such.
 * A mistake that Tandem has found is the author's where one of these has led to it.
 */
export function isOfAnAuthor(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  if (error instanceof HarnessError) return error.code === "usage" && sourcePlace(error) !== undefined;
  const [first] = placesIn(error.stack ?? "");
  return first !== undefined && !first.file.startsWith(ours) && !first.file.startsWith(packagesOfOurs);
}

export function placeInWords({ file, line, text }: SourcePlace): string {
  return `${file}:${line}: ${text}`;
}

const ours = fileURLToPath(new URL("..", import.meta.url));
const packagesOfOurs = fileURLToPath(new URL("../../node_modules/", import.meta.url));

function firstPlace(stack: string): SourcePlace | undefined {
  for (const { file, line } of placesIn(stack)) {
    const place = file.startsWith(ours) || file.includes("/node_modules/") ? undefined : placeAt(file, line);
    if (place !== undefined) return place;
  }
  return undefined;
}

function placesIn(stack: string): readonly { readonly file: string; readonly line: number }[] {
  return [...stack.matchAll(/(file:\/\/\/[^\s()]+?|(\/[^\s():]+)):(\d+)/g)].map(([, url, path = "", line]) => ({
    file: path === "" ? fileURLToPath(url as string) : path,
    line: Number(line),
  }));
}

function placeAt(file: string, line: number): SourcePlace | undefined {
  try {
    const text = readFileSync(file, "utf8").split("\n")[line - 1]?.trim();
    return text === undefined ? undefined : { file, line, text };
  } catch {
    return undefined; // what looked like a path was none
  }
}
