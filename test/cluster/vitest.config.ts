import { defineConfig } from "vitest/config";

// One file after another: each starts a cluster of its own.
export default defineConfig({
  test: {
    include: ["test/cluster/**/*.test.ts"],
    fileParallelism: false,
    pool: "forks",
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
