import { expect, test } from "vitest";

import { printProse } from "./printProse.ts";

test("a sentence goes on two columns further in where a terminal has no more room, and is one line in a file", () => {
  const printed = (wrapsAt?: number) => {
    const lines: string[] = [];
    const terminal = { print: (line: string) => void lines.push(line), ...(wrapsAt === undefined ? {} : { wrapsAt }) };
    printProse("idle stream 60, whole request 600", { indent: 4, style: (line) => `<${line}>` }, terminal);
    return lines;
  };
  expect(printed(26)).toEqual(["    <idle stream 60, whole>", "      <request 600>"]);
  expect(printed()).toEqual(["    <idle stream 60, whole request 600>"]);
});
