import { readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";
import fast, { slow } from "../../vitest.config.js";

const engines = /\b(test|store|bench)Engines\(\)/;

/** The suites that `npm test` runs on SQLite alone. */
const onEngines = readdirSync("test", { recursive: true, encoding: "utf8" })
  .map((file) => `test/${file}`)
  .filter((file) => file.endsWith(".test.ts") && engines.test(readFileSync(file, "utf8")));

export default defineConfig({
  test: {
    ...fast.test,
    include: [...onEngines, ...slow],
    exclude: fast.test!.exclude!.filter((pattern) => !slow.includes(pattern)),
    env: { LATCHKEY_TEST_ENGINES: "postgres" },
  },
});
