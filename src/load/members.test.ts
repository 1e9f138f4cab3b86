import { expect, test } from "vitest";

import { Members } from "./members.ts";

test("members leave in any order, twice does nothing, and a list taken before stays as it was", () => {
  const [one, two, three] = [{ place: -1 }, { place: -1 }, { place: -1 }];
  const members = new Members();
  for (const member of [one, two, three]) members.add(member);
  const before = members.list();
  members.remove(one);
  members.remove(one);
  expect(members.list()).toEqual([three, two]);
  members.remove(two);
  members.remove(three);
  expect(members.size).toBe(0);
  expect(before).toEqual([one, two, three]);
});
