import type { Command } from "../model/engine.ts";
import { shellWord } from "../model/shellWord.ts";
import { maskedArguments, masks } from "./secrets.ts";

/** A command as people may see it and paste it into a shell. */
export function commandLine({ program, args }: Pick<Command, "program" | "args">, secrets: readonly string[] = []): string {
  return masks([program, ...maskedArguments(args)].map(shellWord).join(" "), secrets);
}
