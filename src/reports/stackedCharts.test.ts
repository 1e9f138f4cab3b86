import { expect, test } from "vitest";
import { svg } from "../render/svg.ts";
import { stacked, type StackedRow } from "./stackedCharts.ts";

const axis = { title: "Time since the first request (s)", lasts: 20 };

test("each row has its title, each group its names once, and the axis of time is told below the last", async () => {
  const picture = await svg(
    stacked(
      [[row("Requests running", ["plain", "cached"]), row("KV cache in use (%)", ["plain", "cached"])], [row("Power (W)", ["gpu-0"])]],
      axis,
    ),
  );
  for (const text of ["Requests running", "KV cache in use (%)", "Power (W)", "plain", "cached", "gpu-0", axis.title])
    expect(picture.split(`>${text}</text>`)).toHaveLength(2);
  expect(picture).not.toMatch(/NaN|Infinity|undefined|…/);
});

test("one moment is in one place in every row, however long its numbers are", () => {
  const spec = stacked([[row("a", ["x"], 3), row("b", ["x"], 1_234_567)]], axis);
  const rows = "vconcat" in spec ? spec.vconcat : [];
  expect(new Set(rows.map((one) => JSON.stringify(["width" in one ? one.width : "", extentOf(one)])))).toHaveLength(1);
});

test("a group without rows has no place, and a value read once is a point", async () => {
  const picture = await svg(stacked([[], [row("Memory in use (GiB)", ["gpu-0"], 60, 1)]], axis));
  expect(picture.match(/mark-symbol role-mark/g)?.length).toBe(1);
  expect(picture).not.toMatch(/NaN|Infinity/);
});

test("an hour of readings is thinned, and its highest is still there", () => {
  const points = Array.from({ length: 18_000 }, (_, index) => ({ at: index / 5, value: index === 7_777 ? 650 : 100 }));
  const spec = JSON.stringify(stacked([[{ title: "Power (W)", curves: [{ name: "gpu-0", stretches: [points] }] }]], axis));
  expect(spec.length).toBeLessThan(20_000);
  expect(spec).toContain('"value":650');
});

function row(title: string, names: readonly string[], value = 1, length = 3): StackedRow {
  const stretch = Array.from({ length }, (_, index) => ({ at: index * 10, value }));
  return { title, curves: names.map((name) => ({ name, stretches: [stretch] })) };
}

function extentOf(of: object): unknown {
  return /"minExtent":\d+,"maxExtent":\d+/.exec(JSON.stringify(of))?.[0];
}
