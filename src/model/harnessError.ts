/** What went wrong, as a stable word, and with it how the harness ends: design section 8. */
export type HarnessErrorCode =
  | "usage" // the author's mistake: a flag, a test file, a configuration
  | "engine-missing" // its program is not installed
  | "engine-exited" // it would not boot, or died
  | "engine-not-ready"
  | "port-taken"
  | "unreachable"
  | "output" // the output directory cannot be written, the disk is full
  | "journal"; // what should be read is not a journal, or of another version

const exitCodes: Readonly<Record<HarnessErrorCode, number>> = {
  usage: 2,
  output: 2,
  journal: 2,
  "port-taken": 3,
  "engine-missing": 3,
  "engine-exited": 3,
  "engine-not-ready": 3,
  unreachable: 3,
};

/** What stops us: thrown once, where it is understood. `message` says what and where, `hint` what to do. */
export class HarnessError extends Error {
  readonly code: HarnessErrorCode;
  readonly hint: string | undefined;

  constructor(code: HarnessErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "HarnessError";
    this.code = code;
    this.hint = options.hint;
  }

  get exitCode(): number {
    return exitCodes[this.code];
  }
}
