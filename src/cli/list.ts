import { processTerminal } from "../host/terminal.ts";
import { loadTestFile, matching } from "../run/discover.ts";
import type { Call } from "./flags.ts";

/** `tandem list FILE`: the names that would run, with the first sentence of each. */
export async function list(call: Call): Promise<number> {
  const terminal = processTerminal();
  const tests = matching(await loadTestFile(call.argument ?? ""), call.options["filter"] as string | undefined);
  if (call.options["json"] === true) {
    terminal.print(
      JSON.stringify(
        tests.map(({ name, summary }) => ({ name, summary })),
        undefined,
        2,
      ),
    );
    return 0;
  }
  const width = Math.max(...tests.map((test) => test.name.length));
  for (const test of tests) terminal.print(test.summary === undefined ? test.name : `${test.name.padEnd(width)}  ${test.summary}`);
  return 0;
}
