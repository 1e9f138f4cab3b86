import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, expect, test } from "vitest";

import { folder, tandem, type Folder } from "../src/cli/fixture.ts";
import {
  attached,
  closedLoop,
  command,
  documentQa,
  every,
  experiment,
  llamaCpp,
  poisson,
  sglang,
  simulated,
  tensorrtLlm,
  tgi,
  transformersServe,
  varyLength,
  vllm,
  type HarnessError,
} from "../src/index.ts";

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

test.each([
  { page: "docs/engines.md", make: vllm },
  { page: "docs/engines.md", make: sglang },
  { page: "docs/engines.md", make: llamaCpp },
  { page: "docs/engines.md", make: transformersServe },
  { page: "docs/engines.md", make: tgi },
  { page: "docs/engines.md", make: tensorrtLlm },
  { page: "docs/engines.md", make: attached },
  { page: "docs/engines.md", make: command },
  { page: "docs/engines.md", make: simulated },
  { page: "docs/test-files.md", make: documentQa },
  { page: "docs/test-files.md", make: varyLength },
  { page: "docs/test-files.md", make: every },
  { page: "docs/test-files.md", make: poisson },
  { page: "docs/test-files.md", make: closedLoop },
  { page: "docs/test-files.md", make: experiment },
])("$page has every option of $make.name", ({ page, make }) => {
  const text = readFileSync(join(root, page), "utf8");
  const options = toldBy(() => make(misspelt));
  expect(options).not.toEqual([]);
  expect(options.filter((option) => !new RegExp(`\\b${option}\\b`).test(text))).toEqual([]);
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
