import { defineConfig } from "vitest/config";

/** Needs a built server (`dist`) and Chromium: `npm run test:browser`. */
export default defineConfig({
  test: {
    include: ["test/browser/*.browser.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
