import { Console } from "node:console";
import { syncBuiltinESMExports } from "node:module";

import { isResultLost, processTerminal } from "../host/terminal.ts";
import { HarnessError } from "../model/harnessError.ts";
import { shellWord } from "../model/shellWord.ts";
import { beingLoaded } from "../run/discover.ts";
import { isOfAnAuthor, placeInWords, sourcePlace } from "../run/sourcePlace.ts";
import { explain } from "./explain.ts";
import { worst } from "./exitCode.ts";

/** A run that goes on, for whoever has to leave it at once. */
export interface GoingOn {
  readonly directory: string;
  /** Ends the line that is being written. */
  readonly cleared: () => void;
}

const exit = process.exit.bind(process); // as it is before anybody else's code is loaded

let said: number | undefined;
let refused: HarnessError | undefined;
let goingOn: GoingOn | undefined;

/**
 * From here on only Tandem says how this process ends, and its stdout has only results: a test file runs in this process, and so does whatever it
 * imports. Called once, before any of them is loaded.
 */
export function ownTheEnding(): void {
  process.exit = refusedExit;
  Object.assign(console, new Console(process.stderr));
  syncBuiltinESMExports(); // import { exit } from "node:process"
  for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, (error: unknown) => leave(explainUncaught(error)));
  process.on("exit", lastWords);
}

/** The end of a command that came to it. Timers and servers that an author left behind do not keep it. */
export async function end(code: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) await new Promise((resolve) => stream.write("", resolve));
  await new Promise((resolve) => setImmediate(resolve)); // that it could not be written is heard after that
  return leave(code);
}

/** Right now, whatever is going on: engines are ended by the watchdog. */
export function leave(code: number): never {
  said ??= code;
  return exit(said);
}

/** Until it is disposed of, whoever has to leave tells where the journal of this run lies. */
export function going(run: GoingOn): Disposable {
  goingOn = run;
  return { [Symbol.dispose]: () => (goingOn = undefined) };
}

export function tellWhereItLies({ directory, cleared }: GoingOn): void {
  cleared();
  processTerminal().tell(`  left at once; what was recorded until then is kept, and reported by: tandem report ${shellWord(directory)}`);
}

/** Thrown where it is called, so that what follows there is not done either. */
function refusedExit(code?: number | string | null): never {
  const error = new HarnessError("usage", `the test file ended the process: process.exit(${code ?? ""})`);
  const place = sourcePlace(error);
  const instead = "to stop here, throw an Error that says why; for nothing to run today, return []";
  const told = new HarnessError("usage", error.message, { hint: place === undefined ? instead : `${placeInWords(place)}\n${instead}` });
  refused ??= told;
  throw told;
}

function explainUncaught(error: unknown): number {
  goingOn?.cleared();
  const code = explain(isOfAnAuthor(error) ? unheard(error) : bug(error), processTerminal());
  if (goingOn !== undefined) tellWhereItLies(goingOn);
  return code;
}

/** Of a promise that nobody awaits, or a function that nobody of ours has called. */
function unheard(error: unknown): HarnessError {
  if (error instanceof HarnessError && error === refused) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const place = error instanceof Error ? sourcePlace(error) : undefined;
  return new HarnessError("usage", `the test file throws where nobody waits for it: ${name}: ${message}`, {
    ...(place === undefined ? {} : { hint: placeInWords(place) }),
    cause: error,
  });
}

/** One of ours that nobody has caught is a bug as well, whatever it says. */
function bug(error: unknown): unknown {
  return error instanceof HarnessError ? new Error(error.message, { cause: error }) : error;
}

/** Runs before the listeners of others that came after it: they are heard, and have no say. */
function lastWords(): void {
  const code = said ?? explain(neverSaid(), processTerminal());
  process.exitCode = code;
  const listeners = process.rawListeners("exit");
  for (const listener of listeners.slice(listeners.indexOf(lastWords) + 1)) {
    try {
      listener.call(process, code);
    } catch {
      // Nothing is left that this could change.
    }
  }
  exit(worst([code, ...(isResultLost() ? [2] : []), ...toldOfRefusal(code)]));
}

/** Who caught what was thrown at them went on; it is told all the same, unless mistakes were told already. */
function toldOfRefusal(code: number): readonly number[] {
  if (refused === undefined) return [];
  if (code !== 2) explain(refused, processTerminal());
  return [2];
}

/** Nothing is left to wait for, and the command has not ended. */
function neverSaid(): unknown {
  const file = beingLoaded();
  if (file === undefined) return new Error("it waits for what never comes");
  return new HarnessError("usage", `${file} is never loaded to its end: an await at its top level waits for what never comes`, {
    hint: "in it, or in what it imports",
  });
}
