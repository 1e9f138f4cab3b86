import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { tandem: new URL("./src/index.ts", import.meta.url).pathname } },
  test: {
    include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
    exclude: ["**/*.real.test.ts", "node_modules/**"],
    // Files that start servers or measure time run alone: two cores are soon too busy to time anything.
    fileParallelism: false,
    pool: "forks",
    testTimeout: 30_000,
  },
});
