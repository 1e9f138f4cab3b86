import { defineConfig } from "vitest/config";

function from(path: string): string {
  return new URL(path, import.meta.url).pathname;
}

/** Tests of rooms that know neither servers nor clocks may run beside one another. */
const computing = ["arrivals", "measure", "model", "reports", "render", "workloads"].map((room) => `src/${room}/*.test.ts`);

export default defineConfig({
  // The longer name first: "tandem" is the start of both.
  resolve: { alias: { "tandem/testing": from("./src/testing.ts"), tandem: from("./src/index.ts") } },
  test: {
    pool: "forks",
    // Longer than the minute after which a `./tandem` that hangs is ended (src/cli/fixture.ts): what it has said is then told, and not only that it took long.
    testTimeout: 90_000,
    hookTimeout: 30_000,
    // As long as `until` waits: a second is too short for a program to start on a machine that others are at work on.
    expect: { poll: { timeout: 5_000 } },
    projects: [
      { extends: true, test: { name: "computing", include: computing, sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: {
          name: "one after the other",
          include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
          exclude: [...computing, "**/*.real.test.ts", "node_modules/**"],
          // Files that start servers or measure time run alone: two cores are soon too busy to time anything.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
