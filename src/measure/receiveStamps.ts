import type { StampSource } from "../model/exchange.ts";
import type { ExperimentResult } from "../model/result.ts";

/** How many reads of an experiment were stamped by whom; undefined where it was not written down. */
export function receiveStamps({ readings }: Pick<ExperimentResult, "readings">): Readonly<Record<StampSource, number>> | undefined {
  const sum = (series: string) =>
    readings.reduce<number | undefined>((total, reading) => (reading.series === series ? (total ?? 0) + reading.value : total), undefined);
  const [kernel, read] = [sum("kernel-stamps-count"), sum("read-stamps-count")];
  return kernel === undefined || read === undefined || kernel + read === 0 ? undefined : { kernel, read };
}

/** Nearly all of them by the kernel: they are right however late they were read. */
export function areByKernel(stamps: Readonly<Record<StampSource, number>> | undefined): boolean {
  return stamps !== undefined && stamps.read <= (stamps.kernel + stamps.read) * mostWhenRead;
}

/** The kernel begins to stamp some milliseconds after it was first asked to. */
const mostWhenRead = 0.01;
