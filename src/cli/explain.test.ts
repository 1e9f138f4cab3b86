import { expect, test } from "vitest";

import { HarnessError } from "../model/harnessError.ts";
import { explain } from "./explain.ts";

test("too many open files are no bug, wherever they ran out: exit 2, with how to raise the limit", () => {
  // As it comes from another thread: a plain error, with the stack in its text.
  for (const text of [
    "EMFILE: too many open files, open '/tmp/a'\n    at openSync (node:fs:1)",
    "listen ENFILE: file table overflow 127.0.0.1",
  ]) {
    const { code, told } = explained(new Error(text));
    expect(code).toBe(2);
    expect(told).toEqual([`tandem: too many files are open: ${text.split("\n")[0]}`, "  raise the limit in this shell: ulimit -n 65536"]);
  }
});

test("a full disk is no bug: exit 2, with how what was recorded is reported; a file that may not be read is one", () => {
  const failing = (code: string) => explained(Object.assign(new Error(`${code}: write`), { code }));
  expect(failing("ENOSPC")).toMatchObject({ code: 2, told: ["tandem: ENOSPC: write", expect.stringContaining("tandem report DIR")] });
  expect(failing("EACCES").code).toBe(70);
});

test("what stops us is told by its own words and advice, and anything else is a bug: exit 70", () => {
  expect(explained(new HarnessError("unreachable", "it is gone", { hint: "start it" }))).toEqual({
    code: 3,
    told: ["tandem: it is gone", "  start it"],
  });
  expect(explained(new TypeError("x is undefined"))).toMatchObject({
    code: 70,
    told: [expect.stringContaining("a bug, sorry: TypeError")],
  });
});

function explained(error: unknown): { readonly code: number; readonly told: readonly string[] } {
  const told: string[] = [];
  const terminal = { print: () => {}, tell: (text: string) => void told.push(text), interactive: false, columns: 80, colour: false };
  return { code: explain(error, terminal), told };
}
