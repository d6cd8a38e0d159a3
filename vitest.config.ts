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
    // Only what hangs takes as long. A slow machine must not fail what works.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
