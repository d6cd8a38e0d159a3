import { readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";
import fast from "../../vitest.config.js";

const engines = /\b(test|store|bench)Engines\(\)/;

/** The suites that `npm test` runs on SQLite alone. */
const include = readdirSync("test", { recursive: true, encoding: "utf8" })
  .map((file) => `test/${file}`)
  .filter((file) => file.endsWith(".test.ts") && engines.test(readFileSync(file, "utf8")));

export default defineConfig({ test: { ...fast.test, include, env: { LATCHKEY_TEST_ENGINES: "postgres" } } });
