import { readdirSync, readFileSync } from "node:fs";

import { Option } from "commander";
import { expect, test } from "vitest";

import { commands } from "./commands.ts";

const room = new URL("./", import.meta.url);
const sources = readdirSync(room).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
const text = sources.map((name) => readFileSync(new URL(name, room), "utf8")).join("\n");

// The compiler does not know which flags there are: a misspelt one would be read as one that nobody gave.
test("every flag is read by the name that commander gives it, and no other name is", () => {
  const declared = commands.flatMap(({ flags }) => flags.map((flag) => new Option(flag.flags).attributeName()));
  const read = Array.from(text.matchAll(/\b(?:options\[|given(?:<[^(]*>)?\()"(\w+)"/g), ([, name]) => name);
  expect({
    unread: declared.filter((name) => !read.includes(name)),
    undeclared: read.filter((name) => !declared.includes(name ?? "")),
  }).toEqual({
    unread: [],
    undeclared: [],
  });
});

test("the README has every command", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  expect(commands.filter(({ name }) => !readme.includes(`| \`tandem ${name}`)).map(({ name }) => name)).toEqual([]);
});
