import { expect, test } from "vitest";

import { LastText } from "./lastText.ts";

const plain = '{"choices":[{"text":" a","logprobs":0}]}';
const other = '{"choices":[{"text":" a","logprobs":1}]}';
const elsewhere = '{"ch0ices":[{"text":" a","logprobs":0}]}';

test("streams that take turns are known by their own events, however alike another one's are", () => {
  const known = (data: string) => [plain, other, elsewhere].map((event) => isLike(data, event.replace(" a", " bcd")));
  for (let round = 0; round < 2; round++) {
    expect(known(plain)).toEqual([true, false, false]);
    expect(known(other)).toEqual([false, true, false]);
    expect(known(elsewhere)).toEqual([false, false, true]);
  }
});

test("a text has no end of a line in it, escaped or not: what begins like the last event is then none", () => {
  expect([" b", " b\\n", " b\nc", " b\rc", " b\\\nc"].map((text) => isLike(plain, plain.replace(" a", text)))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

/** Whether an event is known as one that is like another. */
function isLike(last: string, event: string): boolean {
  const found = LastText.of(Buffer.from(last), 0, last.length, last.indexOf(" a"));
  if (found === undefined) throw new Error("no pattern");
  const bytes = Buffer.from(`data: ${event}\n\n`);
  return found.endOf(bytes, 0, bytes.length) === bytes.length;
}
