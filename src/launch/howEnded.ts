import type { StartedProcess } from "../model/running.ts";
import type { EngineLogs } from "./engineLogs.ts";

export type HowEnded = Awaited<StartedProcess["ended"]>;

export function endedHow({ code, signal }: HowEnded): string {
  return signal === undefined ? `exited with status ${code ?? "unknown"}` : `was ended by ${signal}`;
}

/** What to do about it, where its log does not tell the cause. */
export function adviceFor({ signal }: HowEnded, logs: Pick<EngineLogs, "lastLines">): string {
  if (signal === "SIGKILL") return "somebody killed it; with too little memory that is the kernel: dmesg | grep -i oom";
  const alone = "to try it alone, run the command above in a shell";
  return logs.lastLines().length === 0 ? alone : `the last lines of its logs say why; ${alone}`;
}
