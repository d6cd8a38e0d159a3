import { createReadStream, existsSync, realpathSync, renameSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Settings } from "../config/settings.js";
import { copyDatabase, findDefect, sideSuffixes } from "../store/sqlite/copies.js";
import { syncFolder, withDraft } from "./draft.js";
import { CliError, type Io, refuseUrl, standardStream } from "./io.js";
import { dumpCommand, poolerNote } from "./postgres-tools.js";
import { sqliteFileOf } from "./sqlite-file.js";

/** Copies the SQLite database into `target` while it is served. The copy is checked before it gets that name. */
export async function backup(settings: Settings, { target, force }: { target: string; force: boolean }, io: Io): Promise<void> {
  refuseUrl(target, "latchkey backup");
  const path = sqliteFileOf(
    settings,
    (location) => `Back up PostgreSQL with its own program: \`${dumpCommand(location, target)}\`.${poolerNote(location)}`,
  );
  if (target === standardStream) {
    if (process.stdout.isTTY)
      throw new CliError("A backup can't be written to a terminal: pipe it into a program that encrypts it.");
    return await withDraft(path, async (draft) => {
      await copyAndCheck(path, draft);
      await writeOut(draft);
    });
  }
  refuseDatabase(path, target);
  if (existsSync(target) && !force) throw new CliError(`${target} exists: name another file, or add --force to replace it.`);
  await withDraft(target, async (draft) => {
    await copyAndCheck(path, draft);
    renameSync(draft, target);
    syncFolder(target);
  });
  io.out(`Wrote ${target}: a complete backup, readable only by you, and not encrypted.`);
}

/**
 * Throws if `target` is the database or a file that SQLite keeps beside it, because the backup would replace it. Other names
 * and links are recognized, also if the file does not exist at the moment.
 */
function refuseDatabase(path: string, target: string): void {
  const database = realpathSync(path);
  for (const own of ["", ...sideSuffixes].map((suffix) => `${database}${suffix}`)) {
    if (placeOf(target) === own || isSameFile(target, own))
      throw new CliError(`${target} is the database itself, or a part of it: name another file; nothing was changed.`);
  }
}

/** Returns where a file with this name is or would be, with links resolved. */
function placeOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(resolve(path));
    return join(existsSync(folder) ? realpathSync(folder) : folder, basename(path));
  }
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

async function copyAndCheck(path: string, draft: string): Promise<void> {
  await copyDatabase(path, draft);
  const defect = findDefect(draft);
  if (defect !== null) throw new CliError(`The database ${defect}: no backup was made; restore an earlier one.`);
}

async function writeOut(draft: string): Promise<void> {
  // Each failure reaches the callback of its write. Without this listener it would end the process first.
  process.stdout.on("error", () => {});
  for await (const chunk of createReadStream(draft)) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(chunk as Buffer, (error) => (error ? reject(outputError(error)) : resolve()));
    });
  }
}

function outputError(error: Error): CliError {
  return new CliError(`Standard output did not take the whole backup: discard the incomplete copy (${error.message}).`);
}
