import type { TestResult } from "./result.ts";

/** A report is one file made from a result. Its bytes depend on the result alone. */
export interface Report {
  readonly kind: string;
  /** Of the file it writes: "csv", "pdf", … */
  readonly extension: string;
  write(result: TestResult): Promise<Uint8Array>;
}
