import { createReadStream, existsSync, realpathSync, renameSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Settings } from "../config/settings.js";
import { copyDatabase, findDefect, sideSuffixes } from "../store/sqlite/copies.js";
import { syncFolder, withDraft } from "./draft.js";
import { CliError, type Io, standardStream } from "./io.js";
import { dumpCommand } from "./postgres-tools.js";
import { sqliteFileOf } from "./sqlite-file.js";

/** Copies the SQLite database, while it is served, into `target`, which it checks before it has that name. */
export async function backup(settings: Settings, { target, force }: { target: string; force: boolean }, io: Io): Promise<void> {
  const path = sqliteFileOf(
    settings,
    (location) => `PostgreSQL has a program of its own for this: \`${dumpCommand(location, target)}\`.`,
  );
  if (target === standardStream) {
    if (process.stdout.isTTY)
      throw new CliError("A backup is no text for a terminal: pipe it into a program that encrypts it.");
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
  io.out(`Wrote ${target}: whole, readable by you alone, and not encrypted.`);
}

/**
 * A backup takes the place of what has its name, so that must not be the database or what SQLite keeps beside it: by whatever name or
 * link, and whether it is there just now or not.
 */
function refuseDatabase(path: string, target: string): void {
  const database = realpathSync(path);
  for (const own of ["", ...sideSuffixes].map((suffix) => `${database}${suffix}`)) {
    if (placeOf(target) === own || isSameFile(target, own))
      throw new CliError(`${target} is the database itself, or a part of it: name another file; nothing was changed.`);
  }
}

/** Where a file of this name is or would be, with no link on the way. */
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
  // Each failure reaches the callback of the write that it befell; without a listener it would end the process before.
  process.stdout.on("error", () => {});
  for await (const chunk of createReadStream(draft)) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(chunk as Buffer, (error) => (error ? reject(outputError(error)) : resolve()));
    });
  }
}

function outputError(error: Error): CliError {
  return new CliError(`Standard output did not take the whole backup: what it took is worthless (${error.message}).`);
}
