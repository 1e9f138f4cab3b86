import type { InstalledProgram } from "../model/engine.ts";
import { refuseUnknown } from "./flags.ts";

/** What was said in other words before or after: for a flag that the installed version does not know, what means the same to it. */
const otherWords: Readonly<Record<string, readonly (readonly string[])[]>> = {
  // A switch of one name, off unless given; later one of two names, on unless the second is given.
  "--no-enable-prefix-caching": [[]],
  "--no-enable-chunked-prefill": [["--enable-chunked-prefill", "False"]],
  "--no-trust-remote-code": [[]],
  "--no-enforce-eager": [[]],
  "--disable-log-requests": [["--no-enable-log-requests"]],
  "--no-enable-log-requests": [["--disable-log-requests"]],
  "--device-memory-utilization": [["--gpu-memory-utilization"]],
};

/** Ours, not the author's: a version that does not know it does without. */
const dispensable: ReadonlySet<string> = new Set(["--enable-prompt-tokens-details"]);

/** The arguments in the words of the installed version. Flags it does not know are one mistake, told with what was probably meant. */
export function inWordsOf(program: InstalledProgram | undefined, args: readonly string[]): readonly string[] {
  if (program === undefined) return args;
  const known = new Set(program.flags);
  const unknown: string[] = [];
  const translated = args.flatMap((argument) => {
    const { flag, rest } = parts(argument);
    if (flag === undefined || isKnown(flag, known)) return [argument];
    const words = otherWords[flag]?.find(([name]) => name === undefined || known.has(name));
    if (words !== undefined) return rest === "" || words.length === 0 ? words : [`${words[0]}${rest}`, ...words.slice(1)];
    if (!dispensable.has(flag)) unknown.push(flag);
    return [];
  });
  refuseUnknown(unknown, program, { engine: "vLLM", lists: "vllm serve --help=all" });
  return translated;
}

function parts(argument: string): { readonly flag?: string; readonly rest: string } {
  const [, flag, rest = ""] = /^(--[A-Za-z][\w-]*)((?:[.=].*)?)$/s.exec(argument) ?? [];
  return flag === undefined ? { rest } : { flag: flag.replaceAll("_", "-"), rest };
}

/** As its parser reads them: also by an unambiguous beginning. */
function isKnown(flag: string, known: ReadonlySet<string>): boolean {
  return known.has(flag) || [...known].filter((name) => name.startsWith(flag)).length === 1;
}
