import type { PlannedTest } from "../run/plan.ts";

/** Of `--seed`: what is said of a test that has other seeds, since tests before it have asked its servers with these. */
export function movedSeeds({ name, experiments }: Pick<PlannedTest, "name" | "experiments">, given: unknown): readonly string[] {
  if (typeof given !== "number") return [];
  const seeds = experiments.map(({ experiment: { seed } }, index) => ({ seed, asked: given + index }));
  const moved = seeds.filter(({ seed, asked }) => seed !== asked);
  if (moved.length === 0) return [];
  const all = (of: readonly number[]) => of.join(" and ");
  const instead = `seed${moved.length === 1 ? "" : "s"} ${all(moved.map(({ seed }) => seed))}, not ${all(moved.map(({ asked }) => asked))}`;
  return [`${name}: ${instead}: its servers have had prompts of --seed ${given} from a test before it`];
}
