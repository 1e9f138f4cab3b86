import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, expect, test } from "vitest";

import { folder, tandem, type Folder } from "../src/cli/fixture.ts";
import * as index from "../src/index.ts";
import type { HarnessError } from "../src/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const compiler = join(dirname(fileURLToPath(import.meta.resolve("typescript/package.json"))), "bin", "tsc");
const pages = ["README.md", "docs/engines.md", "docs/proof.md", "docs/test-files.md", "docs/workloads.md"];

let where: Folder;

beforeAll(() => {
  where = folder();
});
afterAll(() => where[Symbol.dispose]());

function samplesOf(page: string): readonly string[] {
  return [...readFileSync(join(root, page), "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(([, sample = ""]) => sample);
}

/** A whole file stays as it is; statements are given what they name, members of an engine an engine. */
function asFile(sample: string): string {
  if (sample.startsWith("import ")) return sample;
  const names = ["command", "documentQa", "every", "experiment", "sglang", "simulated", "vllm", "withLmcache"];
  const given = `import { ${names.join(", ")}, type Engine } from "tandem";
const model = "tiny";
const workload = documentQa({ contextTokens: 64, questionTokens: 4, documents: 1, requests: 2 });
const arrivals = every({ seconds: 1 });
`;
  return /^\w+: /.test(sample) ? `${given}export const engine: Engine = { ...simulated(),\n${sample}};\n` : `${given}{\n${sample}}\n`;
}

test("every sample of the documentation is TypeScript that its editor has nothing to say of", async () => {
  expect((await tandem(["init", where.at(".")])).code).toBe(0);
  const files = pages.flatMap((page) =>
    samplesOf(page).map((sample, index) => ({ name: `${page.replaceAll(/\W/g, "-")}-${index}.ts`, sample })),
  );
  expect(files.length).toBeGreaterThan(8);
  for (const { name, sample } of files) where.write(name, asFile(sample).replaceAll('"./chat.ts"', '"./docs-workloads-md-0.ts"'));
  expect(said(() => execFileSync(process.execPath, [compiler, "-p", where.at(".")], { encoding: "utf8" }))).toBe("");
});

/** What a compiler complains of is in its output, which is in the error. */
function said(compile: () => string): string {
  try {
    return compile();
  } catch (error) {
    return String((error as { readonly stdout?: unknown }).stdout ?? error); // execFileSync's own
  }
}

const misspelt: never = { noSuchOption: 1 } as never; // what a JavaScript author may write

/** Where the options of what a room exports stand. */
const pageOf: Readonly<Record<string, string>> = {
  arrivals: "docs/test-files.md",
  workloads: "docs/test-files.md",
  engines: "docs/engines.md",
  measure: "docs/test-files.md",
  model: "docs/test-files.md",
};

/** What test files can import and give options to, by the room that it comes from. */
function makers(): readonly { readonly name: string; readonly page: string }[] {
  const exported = readFileSync(join(root, "src/index.ts"), "utf8").matchAll(/^export \{([^}]+)\} from "\.\/(\w+)\/[\w/]+\.ts";$/gm);
  return [...exported].flatMap(([, names = "", room = ""]) => {
    const own = names.split(",").map((name) => name.trim());
    return own.filter((name) => toldBy(() => made(name)).length > 0).map((name) => ({ name, page: pageOf[room] ?? `a page for ${room}` }));
  });
}

function made(name: string): unknown {
  const make = (index as Readonly<Record<string, unknown>>)[name];
  return typeof make === "function" ? (make as (options: never) => unknown)(misspelt) : undefined; // most take options, and the others fail otherwise
}

test("the engines, workloads and arrivals that there are are looked at", () => {
  const names = makers().map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["vllm", "simulated", "attached", "documentQa", "every", "experiment"]));
});

test.each(makers())("$page has $name, and every option of it", ({ page, name }) => {
  const text = readFileSync(join(root, page), "utf8");
  const words = [name, ...toldBy(() => made(name))];
  expect(words.filter((word) => !new RegExp(`\\b${word}\\b`).test(text))).toEqual([]);
});

/** Whoever misspells an option is told all of them. */
function toldBy(make: () => unknown): readonly string[] {
  try {
    make();
  } catch (error) {
    const [, told] = /its options are ([\w, ]+)/.exec(String((error as HarnessError).hint)) ?? [];
    return told?.split(", ") ?? [];
  }
  return [];
}
