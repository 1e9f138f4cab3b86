import { processTerminal } from "../host/terminal.ts";
import { thisMachine } from "../host/thisMachine.ts";
import type { Finding } from "../run/checkMachine.ts";
import { checkUp } from "../run/checkUp.ts";
import type { Call } from "./flags.ts";
import { printProse } from "./printProse.ts";
import { styleFor } from "./style.ts";

/** `tandem doctor`: what this machine has, what it lacks, and what to do about that. Fails only for what nothing runs without. */
export async function doctor(call: Call): Promise<number> {
  const terminal = processTerminal();
  const findings = await checkUp({ place: thisMachine(), env: process.env, directory: process.cwd() });
  const broken = findings.filter(({ needed, state }) => needed === true && state === "missing");
  if (call.options["json"] === true) terminal.print(JSON.stringify({ ok: broken.length === 0, findings }));
  else {
    const width = Math.max(...findings.map(({ what }) => what.length));
    const style = styleFor(terminal);
    for (const finding of findings) {
      terminal.print(lineOf(finding, width, style));
      if (finding.fix !== undefined)
        printProse(`-> ${finding.fix}`, { indent: 11 + width, style: (line) => style("quiet", line) }, terminal);
    }
  }
  return broken.length === 0 ? 0 : 2;
}

const tones = { ok: "good", warning: "warning", missing: "quiet" } as const;

function lineOf({ what, state, found, needed }: Finding, width: number, style: ReturnType<typeof styleFor>): string {
  const tone = needed === true && state === "missing" ? "bad" : tones[state];
  return `${style(tone, state.padEnd(7))}  ${what.padEnd(width)}  ${found}`;
}
