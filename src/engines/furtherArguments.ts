import { checkOptions, checkTogether, type OptionRule } from "../model/checkOptions.ts";
import { HarnessError } from "../model/harnessError.ts";
import { partsOf, type FlagRules } from "./flags.ts";

/** Of an engine's options, what is passed on as it is. */
interface Further {
  readonly extraArgs?: readonly string[];
}

/** As `checkOptions`, of an engine with a model and further arguments: flags among them that something else says are mistakes too. */
export function checkServed<Options extends Further>(
  what: string,
  options: Options,
  rules: Readonly<Record<keyof Options & string, OptionRule>>,
  flags: FlagRules,
): void {
  checkTogether(
    () => checkOptions(what, options, Object.keys(rules), rules, ["model"]),
    () => refuseSaidOtherwise(what, options, flags),
  );
}

/** Options of which a flag is among these arguments. */
export function optionsSaid(args: readonly string[], rules: FlagRules): ReadonlySet<string> {
  const { eitherWay = {} } = rules;
  return new Set(flagsSaid(args, Object.keys(eitherWay), rules).flatMap((flag) => eitherWay[flag] ?? []));
}

function refuseSaidOtherwise(what: string, options: Further | undefined, rules: FlagRules): void {
  // What else it may be is told beside this.
  if (!Array.isArray(options?.extraArgs) || options.extraArgs.some((argument) => typeof argument !== "string")) return;
  const { saidBy = {}, eitherWay = {} } = rules;
  const given: Readonly<Record<string, unknown>> = { ...options };
  const twice = Object.entries(eitherWay).filter(([, option]) => given[option] !== undefined);
  const instead = { ...saidBy, ...Object.fromEntries(twice.map(([flag, option]) => [flag, `${option}, which is given as well`])) };
  const said = flagsSaid(options.extraArgs, Object.keys(instead), rules);
  if (said.length === 0) return;
  throw new HarnessError("usage", `${what}: extraArgs must not hold ${said.join(" and ")}: that is said otherwise`, {
    hint: said.map((flag) => `instead of ${flag}: ${instead[flag] ?? ""}`).join("\n"),
  });
}

/** Which of these flags are among arguments, each once, by the name it has in the table. */
function flagsSaid(args: readonly string[], flags: readonly string[], rules: FlagRules): readonly string[] {
  const end = args.indexOf("--");
  const said = (end < 0 ? args : args.slice(0, end)).flatMap((argument) => flagMeant(argument, flags, rules) ?? []);
  return [...new Set(said)];
}

function flagMeant(argument: string, flags: readonly string[], rules: FlagRules): string | undefined {
  const { flag = argument.replace(/=.*$/s, "") } = partsOf(argument, rules);
  if (flags.includes(flag)) return flag;
  if (flag.startsWith("--")) return rules.abbreviates === true ? flags.find((known) => known.startsWith(flag)) : undefined;
  // "-p8000"
  return flags.find((known) => /^-\w$/.test(known) && flag.startsWith(known) && /^\d+$/.test(flag.slice(2)));
}
