import type { Terminal } from "../model/host.ts";
import { wrapped } from "../model/wrapped.ts";

interface ProseOptions {
  /** Columns that it stands in by; what goes on stands in by two more. */
  readonly indent: number;
  readonly style?: (line: string) => string;
}

/** Prints a sentence, on a terminal without a torn word; to a file or a pipe as the one line that it is. Nothing that is copied: that stays whole. */
export function printProse(
  text: string,
  { indent, style = (line) => line }: ProseOptions,
  terminal: Pick<Terminal, "print" | "wrapsAt">,
): void {
  const room = (terminal.wrapsAt ?? Infinity) - indent;
  const [first = "", ...others] = wrapped(text.split(" "), room - further, room);
  terminal.print(`${" ".repeat(indent)}${style(first)}`);
  for (const line of others) terminal.print(`${" ".repeat(indent + further)}${style(line)}`);
}

const further = 2;
