import { execFileSync } from "node:child_process";

import { expect, test } from "vitest";

import { shellWord } from "./shellWord.ts";

test("a shell takes each word for what it was, and plain ones stay plain", () => {
  const words = ["/tmp/a b/ü/mine.ts", "it's", "", "$HOME", "http://h/v1?a=b&c=d", "--port=8000"];
  expect(
    execFileSync("sh", ["-c", `printf '%s\\n' ${words.map(shellWord).join(" ")}`], { encoding: "utf8" })
      .trim()
      .split("\n"),
  ).toEqual(words);
  expect(shellWord("--port=8000")).toBe("--port=8000");
});
