import { expect, test } from "vitest";

import { LiveLines } from "./liveLines.ts";

/** A terminal that knows of newlines, and of what live lines are cleared with. */
function terminal() {
  let rows = [""];
  const take = (text: string) => {
    for (const piece of text.replaceAll("\u001B[J", "").split(/(\n|.\[\d+A)/)) {
      const up = /^.\[(\d+)A$/.exec(piece)?.[1];
      if (up !== undefined) rows = [...rows.slice(0, -1 - Number(up)), ""];
      else if (piece === "\n") rows = [...rows, ""];
      else rows = [...rows.slice(0, -1), `${rows.at(-1)}${piece}`];
    }
    return true;
  };
  const stream = (isTTY = true) => ({ isTTY, write: (text: string | Uint8Array) => take(String(text)) });
  return { rows: () => rows, stream };
}

test("what others write while lines stand is put above them, whole, whichever of the streams they take", () => {
  const { rows, stream } = terminal();
  const [stderr, stdout] = [stream(), stream()];
  const lines = new LiveLines({ stderr, stdout });
  lines.show(["plain 1/9", "about 8 s left"]);
  stderr.write("one\ntwo\n");
  lines.show(["plain 2/9", "about 7 s left"]);
  stdout.write("three\n");
  stdout.write("");
  lines.show(["plain 3/9", "about 6 s left"]);
  expect(rows()).toEqual(["one", "two", "three", "plain 3/9", "about 6 s left", ""]);
  lines[Symbol.dispose]();
  stderr.write("done\n");
  expect(rows()).toEqual(["one", "two", "three", "done", ""]);
});

test("a line that somebody has not ended yet is not drawn over, nor is its beginning lost", () => {
  const { rows, stream } = terminal();
  const stderr = stream();
  using lines = new LiveLines({ stderr, stdout: stream() });
  lines.show(["plain 1/9"]);
  stderr.write(Buffer.from("half"));
  lines.show(["plain 2/9"]);
  lines.show(["plain 3/9"]);
  expect(rows()).toEqual(["half", "plain 3/9", ""]);
});

test("what goes to a file moves no line, and afterwards the streams are as they were", () => {
  const { rows, stream } = terminal();
  const [stderr, file] = [stream(), stream(false)];
  const before = [stderr.write, file.write];
  const lines = new LiveLines({ stderr, stdout: { ...file, write: () => true } });
  lines.show(["plain 1/9"]);
  file.write("");
  expect(rows()).toEqual(["plain 1/9", ""]);
  lines[Symbol.dispose]();
  expect([stderr.write, file.write]).toEqual(before);
});
