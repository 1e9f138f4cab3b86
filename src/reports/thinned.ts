import { largestOf, smallestOf } from "../model/extremes.ts";

/** At most about `limit` of them, in order: of every stretch the lowest and the highest, so that no spike is lost. */
export function thinned<T>(points: readonly T[], limit: number, height: (point: T) => number): readonly T[] {
  if (points.length <= limit) return points;
  const stretch = Math.ceil(points.length / (limit / 2));
  return Array.from({ length: Math.ceil(points.length / stretch) }, (_, index) =>
    points.slice(index * stretch, (index + 1) * stretch),
  ).flatMap((group) => ends(group, height));
}

function ends<T>(group: readonly T[], height: (point: T) => number): readonly T[] {
  const heights = group.map(height);
  const lowest = heights.indexOf(smallestOf(heights));
  const highest = heights.indexOf(largestOf(heights));
  return group.filter((_, index) => index === lowest || index === highest);
}
