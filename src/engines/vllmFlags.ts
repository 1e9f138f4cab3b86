import type { InstalledProgram } from "../model/engine.ts";
import { allKnown, isKnown, named, partsOf, saidByTandem, type FlagRules } from "./flags.ts";

export const vllmFlags: FlagRules = {
  engine: "vLLM",
  program: "vllm",
  // Older versions have no groups of flags, and list all of them.
  lists: [
    ["serve", "--help=all"],
    ["serve", "--help"],
  ],
  abbreviates: true,
  underscores: true,
  keys: true,
  saidBy: {
    "--model": "model",
    "--port": saidByTandem.port,
    ...named(saidByTandem.address, "--host", "--uds", "--ssl-keyfile", "--ssl-certfile"),
    "--api-key": saidByTandem.apiKey,
    "--served-model-name": "servedName",
    ...named("tensorParallel", "--tensor-parallel-size", "-tp"),
    ...named("gpuMemoryUtilization", "--gpu-memory-utilization", "--device-memory-utilization"),
  },
  eitherWay: {
    "--max-model-len": "maxModelLen",
    "--max-num-seqs": "maxNumSeqs",
    "--dtype": "dtype",
    "--load-format": "loadFormat",
    ...named("chunkedPrefill", "--enable-chunked-prefill", "--no-enable-chunked-prefill"),
    ...named("enforceEager", "--enforce-eager", "--no-enforce-eager"),
    ...named("trustRemoteCode", "--trust-remote-code", "--no-trust-remote-code"),
  },
};

/** What was said in other words before or after: for a flag that the installed version does not know, what means the same to it. */
const otherWords: Readonly<Record<string, readonly (readonly string[])[]>> = {
  // A switch of one name, off unless given; later one of two names, on unless the second is given.
  "--no-enable-prefix-caching": [[]],
  "--no-enable-chunked-prefill": [["--enable-chunked-prefill", "False"]],
  "--no-trust-remote-code": [[]],
  "--no-enforce-eager": [[]],
  "--disable-log-requests": [["--no-enable-log-requests"]],
  "--no-enable-log-requests": [["--disable-log-requests"]],
  "--device-memory-utilization": [["--gpu-memory-utilization"]],
};

/** The arguments in the words of the installed version. Flags it does not know are one mistake, told with what was probably meant. */
export function inWordsOf(program: InstalledProgram | undefined, args: readonly string[]): readonly string[] {
  if (program === undefined) return args;
  const translated = args.flatMap((argument) => inItsWords(argument, program));
  return allKnown(program, translated, vllmFlags);
}

function inItsWords(argument: string, program: InstalledProgram): readonly string[] {
  const { flag, rest } = partsOf(argument, vllmFlags);
  if (flag === undefined || isKnown(flag, program, vllmFlags)) return [argument];
  const words = otherWords[flag]?.find(([name]) => name === undefined || program.flags.includes(name));
  if (words === undefined) return [argument];
  return rest === "" || words.length === 0 ? words : [`${words[0]}${rest}`, ...words.slice(1)];
}
