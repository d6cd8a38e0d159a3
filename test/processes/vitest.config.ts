import { defineConfig } from "vitest/config";

// One file after another: the load of one must not be the slowness of the other.
export default defineConfig({
  test: {
    include: ["test/processes/**/*.test.ts"],
    env: { LATCHKEY_TEST_ENGINES: "both" },
    globalSetup: "test/support/postgres-server.ts",
    fileParallelism: false,
    pool: "forks",
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
