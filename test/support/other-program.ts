import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as open from "../../src/store/open.js";
import { migrations } from "../../src/store/postgres/schema.js";
import { latchkeyBin } from "./server.js";

/** Another version of the compiled program. */
export interface OtherProgram {
  /** What Node runs, like `latchkeyBin`. */
  readonly bin: string;
  /** Its store, with modules of its own. */
  openStore: typeof open.openStore;
}

export interface Differences {
  /** Whether its texts of the functions differ: `take_attempt` has one more parameter. */
  readonly functions?: boolean;
  /** A migration that it has beyond this program's. */
  readonly migration?: { readonly additive: boolean; readonly sql: string };
}

/** Adds a column that has a default to each table that calls write. SQLite takes the same text. */
export const addColumns = ["challenges", "sessions", "users", "budgets", "outbox", "outbox_later"]
  .map((table) => `ALTER TABLE ${table} ADD COLUMN added TEXT NOT NULL DEFAULT 'default';`)
  .join("\n");

/** The schema version after a migration of another program. */
export const nextVersion = migrations.at(-1)!.version + 1;

const folders = new Set<string>();
process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Copies the compiled program and changes the copy, which is there until this process ends. */
export async function otherProgram({ functions = false, migration }: Differences): Promise<OtherProgram> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-other-"));
  folders.add(folder);
  const root = fileURLToPath(new URL("../../", import.meta.url));
  cpSync(dirname(latchkeyBin), join(folder, "dist"), { recursive: true });
  cpSync(join(root, "package.json"), join(folder, "package.json"));
  for (const name of ["node_modules", "src"]) symlinkSync(join(root, name), join(folder, name));

  function change(file: string, from: string, to: string): void {
    const path = join(folder, "dist/store", file);
    const parts = readFileSync(path, "utf8").split(from);
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times, not once: ${from}`);
    writeFileSync(path, parts.join(to));
  }

  if (functions) {
    change(
      "postgres/functions/attempts.js",
      "p_lockout_ms BIGINT, p_now BIGINT,\n  OUT outcome TEXT, OUT retry_at BIGINT, OUT refused_by TEXT, OUT user_spent",
      "p_lockout_ms BIGINT, p_now BIGINT, p_new INTEGER,\n  OUT outcome TEXT, OUT retry_at BIGINT, OUT refused_by TEXT, OUT user_spent",
    );
    change("postgres/attempts.js", "($1, $2, $3, $4, $5, $6, $7) r`", "($1, $2, $3, $4, $5, $6, $7, 1) r`");
  }
  if (migration !== undefined) {
    const added = `    ${JSON.stringify({ version: nextVersion, ...migration })},\n];\n`;
    for (const engine of ["postgres", "sqlite"]) change(`${engine}/schema.js`, "\n];\n", `\n${added}`);
  }
  const store = (await import(join(folder, "dist/store/open.js"))) as typeof open;
  return { bin: join(folder, "dist/latchkey.cjs"), openStore: store.openStore };
}
