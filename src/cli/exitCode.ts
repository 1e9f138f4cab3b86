/** How a run ends; several at once: the first of these (design section 8). */
const precedence = [70, 130, 2, 3, 4, 1, 0] as const;

export type ExitCode = (typeof precedence)[number];

export function worst(codes: readonly number[]): ExitCode {
  return precedence.find((code) => codes.includes(code)) ?? 0;
}
