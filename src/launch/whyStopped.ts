import { HarnessError } from "../model/harnessError.ts";

/** Why a boot was cut short: by what went wrong elsewhere in the test, where the signal says so, else by a person. */
export function whyStopped({ reason }: AbortSignal): string {
  return reason instanceof HarnessError ? (reason.message.split("\n")[0] ?? "") : "the run was interrupted";
}
