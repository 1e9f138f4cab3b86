import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { freshDirectory } from "./freshDirectory.ts";

/** Appends what it is told to, a line each, and says "written" or the error's code. */
const appender = `
import { createInterface } from "node:readline";
import { AppendFile } from ${JSON.stringify(new URL("appendFile.ts", import.meta.url).href)};
const file = new AppendFile(process.argv[1]);
for await (const line of createInterface({ input: process.stdin })) {
  try {
    file.append(Buffer.from(line.padEnd(3_000, line)));
    console.log("written");
  } catch (error) {
    console.log(error.code);
  }
}`;

// A limit on the size of a file, which prlimit lifts, stands in for a disk that is full for a while.
test.runIf(process.platform === "linux")(
  "after a piece that the disk had no room for, those before and after it are there, and nothing between them",
  async () => {
    const path = join(freshDirectory(), "pieces");
    const limited = ["-c", 'ulimit -S -f 8; exec "$0" "$@"', process.execPath, "--input-type=module", "-e", appender, path];
    const child = spawn("bash", limited, { stdio: ["pipe", "pipe", "inherit"] });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const append = async (piece: string) => {
      child.stdin.write(`${piece}\n`);
      return (await answers.next()).value;
    };
    expect([await append("a"), await append("b"), await append("c")]).toEqual(["written", "written", "output"]);
    execFileSync("prlimit", ["--pid", `${child.pid}`, "--fsize=unlimited:unlimited"]);
    expect(await append("d")).toBe("written");
    const ended = once(child, "exit");
    child.stdin.end();
    await ended;
    expect(readFileSync(path, "utf8")).toBe(["a", "b", "d"].map((piece) => piece.repeat(3_000)).join(""));
  },
);
