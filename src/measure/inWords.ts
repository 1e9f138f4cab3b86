export function milliseconds(seconds = 0): string {
  return `${Number((seconds * 1_000).toPrecision(3))} ms`;
}

/** Of a share. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
