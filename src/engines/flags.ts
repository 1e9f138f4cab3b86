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

/** The flags among arguments, without their values: one of them may be a key. */
export function flagsIn(args: readonly string[]): readonly string[] {
  return args.filter((argument) => argument.startsWith("-")).map((flag) => flag.replace(/=.*$/s, ""));
}

/** Flags that the installed version does not know are one mistake, told with what was probably meant. */
export function refuseUnknown(
  unknown: readonly string[],
  { version, flags }: InstalledProgram,
  { engine, lists }: { readonly engine: string; readonly lists: string },
): void {
  if (unknown.length === 0) return;
  const told = unknown.map((flag) => {
    const meant = nearest(flag, flags);
    return `${flag}${meant === undefined ? "" : ` (did you mean ${meant}?)`}`;
  });
  const installed = version === undefined ? `the installed ${engine}` : `${engine} ${version}`;
  throw new HarnessError("usage", `${installed} does not know ${told.join(" and ")}`, { hint: `${lists} lists what it knows` });
}
