import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = new Set<string>();

process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is there until this process ends, however it does. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-histories-"));
  folders.add(folder);
  return folder;
}
