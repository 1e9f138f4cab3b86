import { isatty } from "node:tty";
import type { Terminal } from "../model/host.ts";

/** This process's stdout and stderr. Colour where stderr is a terminal and NO_COLOR does not forbid it. */
export function processTerminal(): Terminal {
  // Whoever reads has had enough (`tandem plan FILE | head`): nobody is left to be told anything.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  return {
    print: (text) => void process.stdout.write(`${text}\n`),
    tell: (text) => void process.stderr.write(`${text}\n`),
    interactive: isatty(2) && process.env["TERM"] !== "dumb",
    columns: process.stdout.columns ?? process.stderr.columns ?? 80,
    colour: isatty(1) && process.stdout.hasColors(),
  };
}
