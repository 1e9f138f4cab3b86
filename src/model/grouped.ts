/** A count as people read it in a sentence: "24,576". */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}
