import { defineConfig } from "vitest/config";

/** A third of the CPU time of all files: whole processes, moves and migrations. `npm run test:rest` runs them. */
export const slow = [
  "test/serve/**/*.test.ts",
  "test/store/move.test.ts",
  "test/store/processes.test.ts",
  "test/store/versions.test.ts",
  "test/store/postgres/functions.test.ts",
  "test/store/postgres/migrate.test.ts",
  "test/store/postgres/outages.test.ts",
  "test/store/postgres/switchover.test.ts",
  "test/store/sqlite/clock-mark.test.ts",
  "test/store/sqlite/migrate.test.ts",
  "test/cli/user-import.test.ts",
  "test/client/lost-replies.test.ts",
  "test/doors/http/dialects/generated.test.ts",
  "test/security/overload.test.ts",
];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [
      "test/interop/**",
      "test/browser/**",
      "test/kill/**",
      "test/processes/**",
      "test/cluster/**",
      "test/bench/**",
      ...slow,
    ],
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
