import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { processTerminal } from "../host/terminal.ts";
import { HarnessError } from "../model/harnessError.ts";
import { shellWord } from "../model/shellWord.ts";
import type { Call } from "./flags.ts";
import { checkOutputPlace } from "./outputPlace.ts";

const example = `import { atMost, documentQa, every, experiment, simulated, testCase } from "tandem";

/** A CPU cache for KV blocks, against the same engine without it. Both are simulated: swap in vllm({ model }) for the real ones. */
export function test_mine() {
  const plain = simulated({ prefixCaching: false });
  const cached = simulated({ prefixCaching: false, cpuCacheGigabytes: 20 });
  return testCase({
    engines: { plain, cached },
    baseline: "plain",
    experiments: [
      experiment({
        workload: documentQa({ contextTokens: 4_096, questionTokens: 16, documents: 6, requests: 18, outputTokens: 32 }),
        arrivals: every({ seconds: 1 }),
      }),
    ],
    checks: (on) => ({ "every request succeeds": atMost(on.plain.failures + on.cached.failures, 0) }),
  });
}
`;

/** `tandem init DIR`: an example test file, and a tsconfig whose paths find Tandem's types. Overwrites nothing. */
export async function init(call: Call): Promise<number> {
  const terminal = processTerminal();
  const directory = resolve(call.argument ?? ".");
  const files = { "mine.ts": example, "tsconfig.json": `${JSON.stringify(tsconfig(directory), undefined, 2)}\n` };
  const there = Object.keys(files).filter((name) => existsSync(join(directory, name)));
  if (there.length > 0) {
    throw new HarnessError("usage", `${directory} already has ${there.join(" and ")}`, {
      hint: "nothing was written; name an empty or a new directory",
    });
  }
  checkOutputPlace(directory, "name a directory you may write to: tandem init DIR");
  try {
    mkdirSync(directory, { recursive: true });
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content, { flag: "wx" });
  } catch (cause) {
    throw new HarnessError("output", `${directory} cannot be written: ${(cause as Error).message}`, { cause });
  }
  const shown = call.argument ?? ".";
  terminal.print(
    `wrote ${Object.keys(files)
      .map((name) => join(shown, name))
      .join(" and ")}`,
  );
  terminal.print(`try it: tandem run ${shellWord(join(shown, "mine.ts"))} -o ${shellWord(join(shown, "outputs"))}`);
  return 0;
}

function tsconfig(directory: string): unknown {
  const home = fileURLToPath(new URL("../..", import.meta.url));
  const from = (path: string) => {
    const found = relative(directory, join(home, path));
    return found.startsWith(".") ? found : `./${found}`;
  };
  return {
    compilerOptions: {
      target: "esnext",
      module: "nodenext",
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      erasableSyntaxOnly: true,
      skipLibCheck: true,
      types: ["node"],
      typeRoots: [from("node_modules/@types")],
      paths: { tandem: [from("src/index.ts")], "tandem/testing": [from("src/testing.ts")], "*": [from("node_modules/*")] },
    },
    include: ["*.ts"],
  };
}
