import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseCsv } from "./csv.ts";

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}

test("whatever is in a quoted cell comes back: commas, quotes, line breaks", () => {
  const cell = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r", " ", "é") });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), fc.constantFrom("\n", "\r\n"), (rows, end) => {
      const text = ["x,y", ...rows.map((row) => row.map(quoted).join(","))].join(end);
      expect(parseCsv(text).rows.map(({ cells }) => [cells["x"], cells["y"]])).toEqual(rows);
    }),
  );
});

test("a row knows the line it begins on, also below a cell of several lines and an empty line", () => {
  const { rows, mistakes } = parseCsv('\uFEFFx,y\n"one\ntwo",2\n\n3,\n');
  expect(rows).toEqual([
    { line: 2, cells: { x: "one\ntwo", y: "2" } },
    { line: 5, cells: { x: "3", y: "" } },
  ]);
  expect(mistakes).toEqual([]);
  expect(parseCsv("x,y\n3,").rows).toEqual([{ line: 2, cells: { x: "3", y: "" } }]);
});

test("every row of the wrong length is named, and a quote without its end is where reading stops", () => {
  expect(parseCsv("x,y\n1\n2,3\n4,5,6\n").mistakes).toEqual([
    "line 2 has 1 cells, the header has 2",
    "line 4 has 3 cells, the header has 2",
  ]);
  expect(parseCsv('x,y\n1,2\n3,"4\n').mistakes).toEqual(["line 3: a quote that is not closed, or stands in the middle of a cell"]);
  expect(parseCsv('x,y\n1,2"3\n').mistakes).toEqual(["line 2: a quote that is not closed, or stands in the middle of a cell"]);
});
