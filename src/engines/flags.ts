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
