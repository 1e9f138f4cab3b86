import type { Command } from "../model/engine.ts";
import { maskedArguments, masks } from "./secrets.ts";

/** A command as people may see it and paste it into a shell. */
export function commandLine({ program, args }: Pick<Command, "program" | "args">, secrets: readonly string[] = []): string {
  return masks([program, ...maskedArguments(args)].map(quoted).join(" "), secrets);
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
