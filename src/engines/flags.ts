import type { InstalledProgram } from "../model/engine.ts";
import { HarnessError } from "../model/harnessError.ts";
import { nearest } from "../model/nearest.ts";

/** A flag with a value; nothing for a value that was not given. */
export function valued(flag: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [flag, String(value)];
}

/** A flag that is there or not. */
export function present(flag: string, on: boolean | undefined): readonly string[] {
  return on === true ? [flag] : [];
}

/** A switch with two names that takes no value: --name and --no-name. */
export function switched(name: string, on: boolean | undefined): readonly string[] {
  return on === undefined ? [] : [on ? `--${name}` : `--no-${name}`];
}

/** A flag that is ours, not the author's, with its values: a version that does not know it does without. */
export function ifKnown(
  program: InstalledProgram | undefined,
  ...flag: readonly [name: string, ...values: readonly string[]]
): readonly string[] {
  return program === undefined || program.flags.includes(flag[0]) ? flag : [];
}

/** The flags among arguments, without their values: one of them may be a key. */
export function flagsIn(args: readonly string[]): readonly string[] {
  return args.filter((argument) => argument.startsWith("-")).map((flag) => flag.replace(/=.*$/s, ""));
}

/** How its address is said: the same of every engine. */
export const saidByTandem = {
  address: "nothing: it listens where Tandem looks for it",
  port: "tandem run -p 8000; without it a free port is taken",
  apiKey: "nothing: it listens on this machine alone, and is asked without a key",
} as const;

/** One thing that goes by several flags. */
export function named(says: string, ...flags: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(flags.map((flag) => [flag, says]));
}

/** What lists a program's flags, and how it reads them. */
export interface FlagRules {
  readonly engine: string;
  readonly program: string;
  /** Arguments with which it lists them; the first that works does. */
  readonly lists: readonly (readonly string[])[];
  /** A beginning that no other flag has will do, as it does for Python's argparse. */
  readonly abbreviates?: boolean;
  /** --max_model_len is --max-model-len. */
  readonly underscores?: boolean;
  /** --flag.key gives a part of what --flag takes. */
  readonly keys?: boolean;
  /** Flags it takes and does not list. */
  readonly unlisted?: readonly string[];
  /** What says it instead, of each flag by which an engine is planned, found or spoken to: none of them may be among further arguments. */
  readonly saidBy?: Readonly<Record<string, string>>;
  /** The option, of each flag that may be given instead of it: of both the flag would win, and what is held against the engine would not be it. */
  readonly eitherWay?: Readonly<Record<string, string>>;
}

/** The same arguments. Flags that the installed version does not know are one mistake, told with what was probably meant. */
export function allKnown(program: InstalledProgram | undefined, args: readonly string[], rules: FlagRules): readonly string[] {
  if (program === undefined) return args;
  const end = args.indexOf("--");
  const unknown = (end < 0 ? args : args.slice(0, end)).flatMap((argument) => {
    const { flag } = partsOf(argument, rules);
    return flag === undefined || isKnown(flag, program, rules) ? [] : [flag];
  });
  refuseUnknown(unknown, program, rules);
  return args;
}

/** A flag of a long name, and what is written to it in the same argument. Short ones may be several at once, and are left alone. */
export function partsOf(argument: string, { underscores, keys }: FlagRules): { readonly flag?: string; readonly rest: string } {
  const parts = keys === true ? /^(--[A-Za-z][\w-]*)((?:[.=].*)?)$/s : /^(--[A-Za-z][\w.-]*)((?:=.*)?)$/s;
  const [, flag, rest = ""] = parts.exec(argument) ?? [];
  if (flag === undefined) return { rest };
  return { flag: underscores === true ? flag.replaceAll("_", "-") : flag, rest };
}

export function isKnown(flag: string, program: InstalledProgram, { abbreviates, unlisted = [] }: FlagRules): boolean {
  const known = [...program.flags, ...unlisted];
  if (known.includes(flag)) return true;
  return abbreviates === true && known.filter((name) => name.startsWith(flag)).length === 1;
}

function refuseUnknown(unknown: readonly string[], { version, flags }: InstalledProgram, { engine, program, lists }: FlagRules): void {
  if (unknown.length === 0) return;
  const told = unknown.map((flag) => {
    const meant = nearest(flag, flags) ?? flags.find((known) => known.startsWith(flag));
    return `${flag}${meant === undefined ? "" : ` (did you mean ${meant}?)`}`;
  });
  const installed = version === undefined ? `the installed ${engine}` : `${engine} ${version}`;
  throw new HarnessError("usage", `${installed} does not know ${told.join(" and ")}`, {
    hint: `${[program, ...(lists[0] ?? [])].join(" ")} lists what it knows`,
  });
}
