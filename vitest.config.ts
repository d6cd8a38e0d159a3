import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**", "test/browser/**", "test/kill/**", "test/processes/**", "test/bench/**"],
    globalSetup: "test/support/postgres-server.ts",
    pool: "forks",
    // Files share a process and its modules. In 36 files, new imports for each were almost half the CPU time.
    isolate: false,
    // Most files wait for processes and disks, so there are more of them at once than cores.
    maxWorkers: "200%",
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
