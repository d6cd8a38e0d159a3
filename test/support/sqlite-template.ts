import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrateSchema } from "../../src/store/open.js";

let template: Promise<Buffer> | undefined;

/** Makes a database file with the schema and nothing in it. A copy takes a sixth of the CPU time of the migrations. */
export async function newSqliteFile(path: string): Promise<void> {
  template ??= migrated();
  writeFileSync(path, await template, { mode: 0o600, flag: "wx" });
}

async function migrated(): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-template-"));
  const path = join(folder, "latchkey.db");
  try {
    await migrateSchema({ kind: "sqlite", path });
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
