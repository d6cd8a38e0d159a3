import {
  accessSync,
  constants,
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  realpathSync,
  renameSync,
  statSync,
} from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Settings } from "../config/settings.js";
import { checkKeys } from "../crypto/key-checks.js";
import { escapeControls } from "../lib/escape.js";
import { keyringsOf, storeLocation } from "../server/core.js";
import { abortMove } from "../store/move/move.js";
import { countConnections, type DatabaseLocation, isMissing, nameOf, openStore } from "../store/open.js";
import { findDefect, lockDatabase, sideSuffixes } from "../store/sqlite/copies.js";
import { syncFolder, withDraft } from "./draft.js";
import { CliError, type Io, refuseUrl, standardStream } from "./io.js";
import { poolerNote, restoreCommand } from "./postgres-tools.js";

export interface Restoration {
  /** A file or `-`. Undefined means the configured database itself, which was restored by other means. */
  readonly source: string | undefined;
  readonly force: boolean;
  readonly keepSessions: boolean;
  /** Whether the operator has already agreed to end sessions and codes. */
  readonly yes: boolean;
}

/**
 * Replaces the SQLite database with a backup, or treats the configured database as one. Ends everything that may have been used
 * since the backup was made. Checks everything before it replaces anything.
 */
export async function restore(settings: Settings, restoration: Restoration, io: Io): Promise<void> {
  const { source } = restoration;
  if (source !== undefined) refuseUrl(source, "latchkey restore");
  const location = storeLocation(settings);
  if (source === undefined) {
    await restoreInPlace(settings, location, restoration, io);
  } else if (location.kind === "postgres") {
    throw new CliError(
      `Restore PostgreSQL with its own program: run \`${restoreCommand(location, source)}\` on a new, empty database and then ` +
        `\`latchkey restore --in-place\`, before the first start.${poolerNote(location)}`,
    );
  } else {
    // SQLite keeps its log beside the file itself, not beside a link to the file.
    const path = existsSync(location.path) ? realpathSync(location.path) : location.path;
    await restoreFile(settings, { ...restoration, source, path }, io);
  }
}

async function restoreInPlace(
  settings: Settings,
  location: DatabaseLocation,
  { keepSessions, yes }: Restoration,
  io: Io,
): Promise<void> {
  if (await isMissing(location)) throw new CliError("There is no database yet: restore it first, or name a backup file.");
  if (location.kind === "sqlite") {
    lock(location.path)();
    refuseDefect(location.path, location.path);
  } else {
    const open = await countConnections(location);
    if (open > 0)
      throw new CliError(
        `Stop the service first: Latchkey has ${open} open connections to this database; nothing was changed.`,
      );
  }
  const database = escapeControls(nameOf(location));
  const ending = `This ends ${keepSessions ? "all codes" : "all sessions and codes"} in ${database}.`;
  if (!yes && !(await io.confirm(ending))) {
    throw new CliError(`${ending} Add --yes if that is what you want; nothing was changed.`);
  }
  tellEnding(await endOutstanding(settings, location, keepSessions), { keepSessions, database }, io);
}

async function restoreFile(
  settings: Settings,
  { source, path, force, keepSessions }: Restoration & { readonly source: string; readonly path: string },
  io: Io,
): Promise<void> {
  if (path === ":memory:") throw new CliError("LATCHKEY_DATABASE_URL names a database in memory, which can't be restored.");
  refuseSource(source);
  const existing = ["", ...sideSuffixes].some((suffix) => existsSync(`${path}${suffix}`));
  if (existing && !force) {
    throw new CliError(
      `There is a database at ${path}: move it and the files beside it away, or add --force to keep it under another name.`,
    );
  }
  await withDraft(path, async (draft) => {
    const unlock = lock(path);
    try {
      await readInto(draft, source);
      refuseDefect(draft, source === standardStream ? "What came from standard input" : source);
      const movedTo = abortMove({ path: draft });
      const ended = await endOutstanding(settings, { kind: "sqlite", path: draft }, keepSessions);
      const kept = existing ? keepOld(path) : null;
      renameSync(draft, path);
      syncFolder(path);
      io.out(`Restored ${path}.${kept === null ? "" : ` The previous database is kept as ${kept}.`}`);
      if (movedTo !== null) {
        io.out(
          `The backup was made during a move to ${escapeControls(movedTo)}. The restored database is not part of that move and takes writes.`,
        );
      }
      tellEnding(ended, { keepSessions, database: path }, io);
    } finally {
      unlock();
    }
  });
}

function refuseSource(source: string): void {
  if (source === standardStream) return;
  if (!existsSync(source)) throw new CliError(`There is no file ${source}.`);
  try {
    accessSync(source, constants.R_OK);
  } catch {
    throw new CliError(`${source} cannot be read: check its permissions.`);
  }
  if ((statSync(`${source}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0)
    throw new CliError(
      `${source} has a log beside it, so it is a database in use and not a backup: run \`latchkey backup\` on it.`,
    );
}

function lock(path: string): () => void {
  const unlock = lockDatabase(path);
  if (unlock === null) throw new CliError(`${path} is in use: stop the service and any other program that has it open.`);
  return unlock;
}

async function readInto(draft: string, source: string): Promise<void> {
  const input = source === standardStream ? process.stdin : createReadStream(source);
  await pipeline(input, createWriteStream(draft, { flush: true }));
}

function refuseDefect(path: string, name: string): void {
  const defect = findDefect(path);
  if (defect === null) return;
  const hint = defect === "is not a SQLite database" ? " (decrypt it first, if it is encrypted)" : "";
  throw new CliError(`${name} ${defect}${hint}: nothing was changed.`);
}

/** Updates the schema, throws if a key is wrong, and ends sessions and codes. Returns how many sessions ended. */
async function endOutstanding(settings: Settings, location: DatabaseLocation, keepSessions: boolean): Promise<number> {
  const store = await openStore(location, { inFlight: () => 0 });
  try {
    await checkKeys(store, keyringsOf(settings));
    const ended = await store.upkeep.endOutstanding({ keepSessions });
    await store.upkeep.scrub();
    return ended;
  } finally {
    await store.close();
  }
}

/**
 * Gives the old database a second name, so that the first stays valid until the new database takes it. Files beside it are
 * renamed.
 */
function keepOld(path: string): string {
  const kept = `${path}.before-${new Date().toISOString().replace(/[-:.]/g, "")}`;
  for (const suffix of sideSuffixes) if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${kept}${suffix}`);
  if (existsSync(path)) linkSync(path, kept);
  return kept;
}

function tellEnding(
  ended: number,
  { keepSessions, database }: { readonly keepSessions: boolean; readonly database: string },
  io: Io,
): void {
  io.out(
    keepSessions
      ? `Ended all open codes in ${database} and kept its sessions. Sessions revoked since the backup are live again, and refresh ` +
          "tokens used since are valid again. A user who refreshed since is signed out (SESSION_LOST) at the next refresh."
      : `Ended ${ended} sessions and all open codes in ${database}: all users must sign in again.`,
  );
}
