import { existsSync, readFileSync, statSync } from "node:fs";
import { registerHooks } from "node:module";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { HarnessError } from "../model/harnessError.ts";
import { nearest } from "../model/nearest.ts";
import type { TestFunction } from "../model/testCase.ts";
import { placeOfImport, placeOfSyntaxError, sourcePlace, type SourcePlace } from "./sourcePlace.ts";

/** An exported function of a test file, with the first sentence of its doc comment. */
export interface FoundTest {
  readonly name: string;
  readonly summary?: string;
  readonly function: TestFunction;
}

export interface TestFile {
  readonly path: string;
  readonly tests: readonly FoundTest[];
}

/** Imports a test file, wherever it lies: `import … from "tandem"` finds this Tandem. Runs none of its functions. */
export async function loadTestFile(given: string): Promise<TestFile> {
  const path = resolve(given);
  if (!existsSync(path)) throw missingFile(given, path);
  if (statSync(path).isDirectory()) {
    throw new HarnessError("usage", `${given} is a directory, not a test file`, { hint: "name a file in it, such as tests/quickstart.ts" });
  }
  resolveTandemToThisOne();
  const exported = await importTestFile(path);
  const source = readFileSync(path, "utf8");
  const tests = Object.entries(exported).flatMap(([name, value]) => {
    const called = isTestCase(value) ? notAFunction(name) : value;
    if (typeof called !== "function") return [];
    const summary = docSentence(source, name);
    // What the function really returns is looked at when it is called, by `parseTestCases`.
    return [{ name, function: called as TestFunction, ...(summary === undefined ? {} : { summary }) }];
  });
  return { path, tests: inFileOrder(tests, source) };
}

/** One, or a list of them. */
function isTestCase(value: unknown): boolean {
  const [one]: readonly unknown[] = Array.isArray(value) ? value : [value];
  return typeof one === "object" && one !== null && "engines" in one && "experiments" in one;
}

/** A test case that nobody calls for would not be run, and not be missed. */
function notAFunction(name: string): () => never {
  return () => {
    throw new HarnessError("usage", "is a test case, not a function", {
      hint: `export a function that returns it: export function ${name}() { return testCase({ … }) }`,
    });
  };
}

/** The tests whose names match, `test_…` without a pattern. Nothing matched is the author's mistake, with the names there are. */
export function matching(file: TestFile, pattern: string | undefined): readonly FoundTest[] {
  const expression = parsePattern(pattern ?? "test_");
  const matched = file.tests.filter((test) => expression.test(test.name));
  if (matched.length > 0) return matched;
  const names = file.tests.map((test) => test.name);
  if (names.length === 0) {
    throw new HarnessError("usage", `${file.path} exports no function`, {
      hint: "export a function whose name starts with test_: export function test_mine() { return testCase({ … }) }",
    });
  }
  const close = pattern === undefined ? undefined : nearest(pattern, names);
  throw new HarnessError("usage", `no test of ${file.path} matches ${pattern ?? "test_"}`, {
    hint: `${close === undefined ? "" : `did you mean ${close}? `}it has ${names.join(", ")}`,
  });
}

function parsePattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (cause) {
    throw new HarnessError("usage", `-f ${pattern} is not a regular expression: ${(cause as Error).message}`, { cause });
  }
}

function missingFile(given: string, path: string): HarnessError {
  return new HarnessError("usage", `there is no test file ${given}`, {
    hint: `looked at ${path}; tandem init DIR writes an example, tests/quickstart.ts comes with Tandem`,
  });
}

let loading: string | undefined;

/** The test file whose top level has not come to its end yet. */
export function beingLoaded(): string | undefined {
  return loading;
}

async function importTestFile(path: string): Promise<Record<string, unknown>> {
  loading = path;
  try {
    const exported = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
    loading = undefined;
    return exported;
  } catch (cause) {
    loading = undefined;
    if (cause instanceof HarnessError) throw cause;
    throw brokenFile(path, cause);
  }
}

function brokenFile(path: string, cause: unknown): HarnessError {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const missing = missingModule(error);
  const place = missing === undefined ? placeOf(path, error) : placeOfImport(path, missing);
  const what = error.message.split("\n").find((line) => line.trim() !== "") ?? error.name;
  const hints = [
    ...(place === undefined || place.text === "" ? [] : [`line ${place.line}: ${place.text}`]),
    ...(missing === undefined ? [] : [extensionLeftOut(error) ?? 'check the path of that import; Tandem itself is imported from "tandem"']),
    ...("code" in error && error.code === "ERR_UNKNOWN_FILE_EXTENSION" ? ["a test file's name ends in .ts, .mts, .js or .mjs"] : []),
    ...meantExport(error),
  ];
  const where = place === undefined ? path : `${place.file}:${place.line}`;
  return new HarnessError(
    "usage",
    `${where} cannot be loaded: ${error.name}: ${what.trim()}`,
    hints.length === 0 ? { cause } : { hint: hints.join("\n"), cause },
  );
}

/** How the import that led nowhere ends: a file's name, or the whole name of a package. */
function missingModule(error: Error): string | undefined {
  if (!("code" in error) || error.code !== "ERR_MODULE_NOT_FOUND") return undefined;
  const [, name = ""] = /'([^']*)' imported from/.exec(error.message) ?? [];
  return name.startsWith("/") ? name.slice(name.lastIndexOf("/") + 1) : name;
}

/** Bundlers find "./helper", Node finds "./helper.ts". */
function extensionLeftOut({ message }: Error): string | undefined {
  const [, path = ""] = /Cannot find module '([^']*)' imported from/.exec(message) ?? [];
  const found = [".ts", ".mts", ".js", ".mjs"].find((ending) => path !== "" && existsSync(`${path}${ending}`));
  return found === undefined ? undefined : `say how its name ends: ${basename(path)}${found}`;
}

/** What was meant by a name that Tandem does not export: one that is misspelt, or a type, which Node looks for as it does for a value. */
function meantExport({ message }: Error): readonly string[] {
  const [, name] = /'tandem' does not provide an export named '([^']*)'/.exec(message) ?? [];
  if (name === undefined) return [];
  const lists = readFileSync(new URL("../index.ts", import.meta.url), "utf8").matchAll(/^export (?:type )?\{([^}]*)\}/gm);
  const exported = [...lists].flatMap(([, list = ""]) => list.split(",").map((one) => one.trim().replace(/^type /, "")));
  if (exported.includes(name)) return [`${name} is a type: import { type ${name} } from "tandem"`];
  const meant = nearest(name, exported);
  return meant === undefined ? [] : [`did you mean ${meant}?`];
}

function placeOf(path: string, error: Error): SourcePlace | undefined {
  return sourcePlace(error) ?? (error instanceof SyntaxError ? placeOfSyntaxError(path) : undefined);
}

let hooked = false;

function resolveTandemToThisOne(): void {
  if (hooked) return;
  hooked = true;
  const own: Readonly<Record<string, string>> = {
    tandem: new URL("../index.ts", import.meta.url).href,
    "tandem/testing": new URL("../testing.ts", import.meta.url).href,
  };
  registerHooks({
    resolve: (specifier, context, next) => {
      const url = own[specifier];
      return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
    },
  });
}

function inFileOrder(tests: readonly FoundTest[], source: string): readonly FoundTest[] {
  const place = (test: FoundTest) => source.search(new RegExp(`\\b${test.name}\\b`));
  return [...tests].sort((a, b) => place(a) - place(b));
}

/** The first sentence of the doc comment right above `export function NAME` or `export const NAME`. */
function docSentence(source: string, name: string): string | undefined {
  const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*export (?:async )?(?:function|const) ${name}\\b`).exec(source)?.[1];
  if (comment === undefined) return undefined;
  const text = comment
    .replace(/^\s*\*? ?/gm, " ")
    .replace(/\s+/g, " ")
    .trim();
  return /^.*?[.!?](?= |$)/.exec(text)?.[0] ?? text;
}
