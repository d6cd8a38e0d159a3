import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A directory that is removed when the test file is done. */
export function tempDir(): string {
  const path = mkdtempSync(join(tmpdir(), "latchkey-"));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
