import type { StartedProcess } from "../model/running.ts";

export type HowEnded = Awaited<StartedProcess["ended"]>;

export function endedHow({ code, signal }: HowEnded): string {
  return signal === undefined ? `exited with status ${code ?? "unknown"}` : `was ended by ${signal}`;
}

/** What to do about it, where its log does not tell the cause. */
export function adviceFor({ signal }: HowEnded): string {
  return signal === "SIGKILL"
    ? "somebody killed it; with too little memory that is the kernel: dmesg | grep -i oom"
    : "the last lines of its logs say why; to try it alone, run the command above in a shell";
}
