import { grouped } from "../model/grouped.ts";
import { HarnessError } from "../model/harnessError.ts";
import { most } from "../model/most.ts";
import { withoutQuerySecrets } from "../model/serverUrl.ts";
import type { Call } from "./flags.ts";

/** What `run` and `plan` cannot do at once, or without something, whatever the flags' values are. */
export function contradictions({ argument, options }: Call): readonly HarnessError[] {
  const urls = options["attach"];
  return [
    ...(argument !== undefined && urls !== undefined ? [fileAndServers(argument)] : []),
    ...(argument === undefined && urls === undefined ? [neither] : []),
    ...(argument !== undefined && urls === undefined ? attachOnlyIn(options) : []),
    ...(options["rate"] !== undefined && options["concurrency"] !== undefined ? [rateAndConcurrency] : []),
  ];
}

/** What `calibrate` would have to keep in memory to send it. */
export function tooMuchToSend({ options }: Call): readonly HarnessError[] {
  const [streams, context] = [options["streams"] ?? defaultStreams, options["context"] ?? defaultContext];
  // What is no number is a mistake already, and told as that.
  const tokens = typeof streams === "number" && typeof context === "number" ? streams * context : 0;
  if (tokens <= most.tokensInAll) return [];
  const message = `--streams and --context: prompts of ${grouped(tokens)} tokens at the same time, at most ${grouped(most.tokensInAll)} are wanted`;
  return [new HarnessError("usage", message, { hint: "fewer streams, or shorter prompts: so many have more than 600 MB" })];
}

/** Of `calibrate`, unless said. */
export const defaultStreams = 64;
export const defaultContext = 512;

function fileAndServers(file: string): HarnessError {
  return new HarnessError("usage", `a test file and --attach at once: ${withoutQuerySecrets(file)} was taken for a test file`, {
    hint: "--attach is for a run without a file; in a file use attached({ url })",
  });
}

const neither = new HarnessError("usage", "no test file given", {
  hint: "name one, such as tests/quickstart.ts, or servers that are up: --attach URL",
});

const rateAndConcurrency = new HarnessError("usage", "--rate and --concurrency at once", {
  hint: "--rate sends whether the server has answered or not, --concurrency waits for its answers: choose one",
});

/** Flags that say what `--attach` sends: a file says that itself. */
const attachOnly = {
  context: "--context",
  rate: "--rate",
  concurrency: "--concurrency",
  api: "--api",
  apiKeyEnv: "--api-key-env",
  acceptAnyCertificate: "--accept-any-certificate",
};

function attachOnlyIn(options: Call["options"]): readonly HarnessError[] {
  const given = Object.entries(attachOnly).flatMap(([name, flag]) => (options[name] === undefined ? [] : [flag]));
  if (given.length === 0) return [];
  return [
    new HarnessError("usage", `${given.join(", ")}: only for --attach, and there is a test file`, {
      hint: "say it in the file: its workload, its arrivals, its engines",
    }),
  ];
}
