import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

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

const ours = fileURLToPath(new URL("..", import.meta.url));

function firstPlace(stack: string): SourcePlace | undefined {
  for (const [, url, path = "", line] of stack.matchAll(/(file:\/\/\/[^\s()]+?|(\/[^\s():]+)):(\d+)/g)) {
    const file = path === "" ? fileURLToPath(url as string) : path;
    const place = file.startsWith(ours) || file.includes("/node_modules/") ? undefined : placeAt(file, Number(line));
    if (place !== undefined) return place;
  }
  return undefined;
}

function placeAt(file: string, line: number): SourcePlace | undefined {
  try {
    const text = readFileSync(file, "utf8").split("\n")[line - 1]?.trim();
    return text === undefined ? undefined : { file, line, text };
  } catch {
    return undefined; // what looked like a path was none
  }
}
