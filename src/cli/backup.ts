import { createReadStream, existsSync, renameSync } from "node:fs";
import type { Settings } from "../config.js";
import { storeLocation } from "../core.js";
import { copyDatabase, findDefect } from "../store/sqlite/copies.js";
import { syncFolder, withDraft } from "./draft.js";
import { CliError, type Io, standardStream } from "./io.js";
import { dumpCommand } from "./postgres-tools.js";

/** Copies the SQLite database, while it is served, into `target`, which it checks before it has that name. */
export async function backup(settings: Settings, { target, force }: { target: string; force: boolean }, io: Io): Promise<void> {
  const path = sourceOf(settings, target);
  if (target === standardStream) {
    if (process.stdout.isTTY)
      throw new CliError("A backup is no text for a terminal: pipe it into a program that encrypts it.");
    return await withDraft(path, async (draft) => {
      await copyAndCheck(path, draft);
      await writeOut(draft);
    });
  }
  if (existsSync(target) && !force) throw new CliError(`${target} exists: name another file, or add --force to replace it.`);
  await withDraft(target, async (draft) => {
    await copyAndCheck(path, draft);
    renameSync(draft, target);
    syncFolder(target);
  });
  io.out(`Wrote ${target}: whole, readable by you alone, and not encrypted.`);
}

function sourceOf(settings: Settings, target: string): string {
  const location = storeLocation(settings);
  if (location.kind === "postgres")
    throw new CliError(`PostgreSQL has a program of its own for this: \`${dumpCommand(location, target)}\`.`);
  if (location.path === ":memory:") throw new CliError("The database is in memory, where another process can't read it.");
  if (!existsSync(location.path)) throw new CliError(`There is no database at ${location.path}.`);
  return location.path;
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
