import { isatty } from "node:tty";
import type { Terminal } from "../model/host.ts";
import { wrappedMessage } from "../model/wrapped.ts";

/** This process's stdout and stderr. Colour where stdout is a terminal and NO_COLOR does not forbid it; a log's messages have a line each. */
export function processTerminal(): Terminal {
  outlive(process.stdout, resultIsLost);
  outlive(process.stderr, nobodyReads);
  return {
    print: (text) => void process.stdout.write(`${text}\n`),
    tell: (text) => void process.stderr.write(`${isatty(2) ? wrappedMessage(text, process.stderr.columns || 80) : text}\n`),
    interactive: isatty(2) && process.env["TERM"] !== "dumb",
    // A pseudo-terminal that nobody gave a size has 0 columns.
    columns: process.stdout.columns || process.stderr.columns || 80,
    ...(isatty(1) ? { wrapsAt: process.stdout.columns || 80 } : {}),
    colour: isatty(1) && process.stdout.hasColors(),
  };
}

/** A run comes to its end whoever is gone, and its exit code is what it found. */
function outlive(stream: NodeJS.WriteStream, heard: (error: NodeJS.ErrnoException) => void): void {
  if (!stream.listeners("error").includes(heard)) stream.on("error", heard);
}

let lost = false;

/** Whether anything that was asked for could not be printed. */
export function isResultLost(): boolean {
  return lost;
}

/** A reader may have had enough (`tandem run FILE | head`), a terminal may be closed. Whatever else it is, such as a full disk, costs a result that was asked for. */
function resultIsLost({ code, message }: NodeJS.ErrnoException): void {
  if (code === "EPIPE" || code === "EIO") return;
  process.stderr.write(`tandem: cannot write to standard output: ${message}\n`);
  lost = true;
}

function nobodyReads(): void {
  // Nobody is left to be told.
}
