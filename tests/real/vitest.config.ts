import { defineConfig } from "vitest/config";

// npm run test:real: each test boots real engines, one after the other.
export default defineConfig({
  resolve: { alias: { tandem: new URL("../../src/index.ts", import.meta.url).pathname } },
  test: { include: ["tests/real/*.real.test.ts"], fileParallelism: false, pool: "forks", testTimeout: 600_000 },
});
