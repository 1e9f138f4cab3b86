import { styleText } from "node:util";

import type { Terminal } from "../model/host.ts";
import type { Style } from "../reports/consoleTable.ts";

const looks = {
  plain: "reset",
  quiet: "dim",
  good: "green",
  bad: "red",
  undecided: "cyan",
  warning: "yellow",
  alarm: ["bold", "red"],
  heading: "bold",
} as const satisfies Record<Parameters<Style>[0], unknown>;

/** Colours for results on stdout; none where stdout is no terminal or NO_COLOR is set. */
export function styleFor(terminal: Terminal): Style {
  return (tone, text) => (terminal.colour ? styleText([looks[tone]].flat(), text, { validateStream: false }) : text);
}
