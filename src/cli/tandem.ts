import { readFileSync } from "node:fs";

import { Command, CommanderError } from "commander";

import { processTerminal } from "../host/terminal.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Terminal } from "../model/host.ts";
import { apart, mistakesIn, together } from "../run/mistakes.ts";
import { commands } from "./commands.ts";
import { explain } from "./explain.ts";
import { joinPairs, refuseEmpty, type Call, type CommandDescription, type Flag } from "./flags.ts";

/** The whole command: from arguments to an exit code. */
export async function tandem(argv: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  try {
    return await called(withCommand(joinPairs(argv)), terminal);
  } catch (error) {
    return explain(error, terminal);
  }
}

export function version(): string {
  return (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version;
}

async function called(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode = 0;
  const mistakes: HarnessError[] = [];
  const program = new Command("tandem")
    .description("Runs LLM serving engines side by side on one workload, and says what the difference is and how far to believe it.")
    .version(`tandem ${version()}`, "--version", "print the version")
    .helpOption("-h, --help", "print this")
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.tell(text.trimEnd().replace(/^error: /, "tandem: ")),
      getOutHelpWidth: () => Math.min(terminal.columns, 100),
    })
    .addHelpText(
      "after",
      `\nExamples:\n  tandem run tests/quickstart.ts -o outputs/\n  tandem run --attach http://127.0.0.1:8000 --context 8192 --requests 40`,
    );
  for (const description of commands) {
    addCommand(program, description, mistakes, async (argument, options) => {
      refuse(placeGone());
      const call = { argument, options, argv };
      refuse(mistakesOf(description, call, mistakes));
      const command = await description.load(call);
      exitCode = await command(call);
    });
  }
  if (argv.length === 0) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    const hint = hintOn(error, argv);
    if (hint !== undefined) terminal.tell(`  ${hint}`);
    // It has told its own, such as a flag that there is not.
    refuse(mistakes);
    return 2;
  }
  return exitCode;
}

/** The parser names what is wrong; what to do it does not know. */
function hintOn({ code }: CommanderError, argv: readonly string[]): string | undefined {
  const command = commands.find(({ name }) => name === argv[0]);
  const help = `tandem ${command === undefined ? "" : `${command.name} `}--help tells what it takes`;
  switch (code) {
    case "commander.excessArguments":
      return argv.some((argument) => argument.startsWith("--simulate"))
        ? "a GPU to simulate is given with an equals sign: --simulate=h100"
        : help;
    case "commander.missingArgument":
    case "commander.optionMissingArgument":
    case "commander.unknownOption":
      return help;
    case "commander.unknownCommand":
      return "tandem --help lists the commands";
    default:
      return undefined;
  }
}

function mistakesOf({ contradictions, foundLater }: CommandDescription, call: Call, inValues: readonly HarnessError[]) {
  const found = [...inValues, ...(contradictions?.(call) ?? [])];
  return found.length === 0 ? [] : [...found, ...(foundLater?.(call) ?? [])];
}

/** Threads and programs that are started have no directory to be in either. */
function placeGone(): readonly HarnessError[] {
  try {
    process.cwd();
    return [];
  } catch (cause) {
    return [new HarnessError("usage", "the directory this shell is in was removed", { hint: "change into one that is there: cd", cause })];
  }
}

function refuse(mistakes: readonly HarnessError[]): void {
  if (mistakes.length > 0) throw together(mistakes);
}

function addCommand(
  program: Command,
  description: CommandDescription,
  mistakes: HarnessError[],
  act: (argument: string | undefined, options: Call["options"]) => Promise<void>,
): void {
  const command = program.command(description.name).description(description.says).exitOverride().showSuggestionAfterError();
  command.copyInheritedSettings(program);
  if (description.argument !== undefined) command.argument(description.argument);
  for (const flag of description.flags) {
    if (!flag.flags.includes("<")) command.option(flag.flags, flag.says);
    else command.option(flag.flags, flag.says, noting(parserOf(flag), mistakes), flag.default);
  }
  command.addHelpText("after", `\nExamples:\n${description.examples.map((example) => `  ${example}`).join("\n")}`);
  command.action(async (...given: unknown[]) => {
    const argument = description.argument === undefined ? undefined : (given[0] as string | undefined);
    if (argument !== undefined) mistakes.push(...mistakesIn(() => refuseEmpty(nameOf(description), argument)));
    await act(argument, command.opts());
  });
}

/** As the README has it: FILE. */
function nameOf({ argument = "" }: CommandDescription): string {
  return argument.replace(/[^a-z]/g, "").toUpperCase();
}

/** An empty value is none, whatever the flag is. */
function parserOf({ flags, parse = (text) => text }: Flag): NonNullable<Flag["parse"]> {
  return (text, before) => {
    const name = flags.replace(/ <.*/, "");
    refuseEmpty(name, text);
    const value = parse(text, before);
    if (Array.isArray(value)) refuseEmpty(name, value);
    return value;
  };
}

/** A flag's value, or where that is a mistake its text: the others are looked at too, and all are told together. */
function noting(parse: NonNullable<Flag["parse"]>, mistakes: HarnessError[]): NonNullable<Flag["parse"]> {
  return (text, before) => {
    try {
      return parse(text, before);
    } catch (error) {
      mistakes.push(...apart(error));
      return text;
    }
  };
}

/** `tandem tests/mine.ts -f x` and `tandem -f x tests/mine.ts` mean `tandem run …`, as `main.py` had no commands. */
function withCommand(argv: readonly string[]): readonly string[] {
  const [first = ""] = argv;
  return isTestFile(first) || (first.startsWith("-") && argv.some(isTestFile)) ? ["run", ...argv] : argv;
}

function isTestFile(argument: string): boolean {
  return /\.[cm]?[jt]s$/.test(argument);
}
