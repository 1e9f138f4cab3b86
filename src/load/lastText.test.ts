import { expect, test } from "vitest";

import { LastText } from "./lastText.ts";

const plain = '{"choices":[{"text":" a","logprobs":0}]}';
const other = '{"choices":[{"text":" a","logprobs":1}]}';
const elsewhere = '{"ch0ices":[{"text":" a","logprobs":0}]}';

test("streams that take turns are known by their own events, however alike another one's are", () => {
  const known = (data: string) => {
    const found = LastText.of(Buffer.from(data), 0, data.length, data.indexOf(" a"));
    if (found === undefined) throw new Error("no pattern");
    return [plain, other, elsewhere].map((event) => {
      const bytes = Buffer.from(`data: ${event.replace(" a", " bcd")}\n\n`);
      return found.endOf(bytes, 0, bytes.length) === bytes.length;
    });
  };
  for (let round = 0; round < 2; round++) {
    expect(known(plain)).toEqual([true, false, false]);
    expect(known(other)).toEqual([false, true, false]);
    expect(known(elsewhere)).toEqual([false, false, true]);
  }
});
