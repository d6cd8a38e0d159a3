import { defineConfig } from "vitest/config";

// One file after another: the load of one must not be the slowness of the other.
export default defineConfig({
  test: {
    include: ["test/interop/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/.cache/**"],
    globalSetup: ["test/interop/global-setup.ts"],
    fileParallelism: false,
    pool: "forks",
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
