import { readFileSync } from "node:fs";
import { databaseLoginReader } from "../config/database-login.js";
import { parsePostgresUrl } from "../config/postgres-url.js";
import { SettingError } from "../config/setting.js";
import { diskFiles, type Settings } from "../config/settings.js";
import { postgresLocation } from "../server/core.js";
import { abortMove, type MoveStep, moveStore } from "../store/move/move.js";
import type { TableCount } from "../store/move/tables.js";
import { nameOf } from "../store/open.js";
import type { PostgresLocation } from "../store/postgres/location.js";
import { CliError, type Io, refuseUrl, standardStream } from "./io.js";
import { sqliteFileOf } from "./sqlite-file.js";

/** The URL of the move's target from the command line, or the path of a file that holds it. */
export type MoveTo = { readonly url: string } | { readonly file: string };

/** Moves all data from the configured SQLite database to PostgreSQL, or resumes an interrupted move. */
export async function move(settings: Settings, to: MoveTo, io: Io): Promise<void> {
  if ("file" in to) refuseUrl(to.file, "--to-file");
  const source = { path: sourceOf(settings) };
  const target = targetOf(to, settings);
  const startedAt = performance.now();
  const moved = await moveStore(source, target, tell(io, source.path, target));
  const seconds = (since: number) => `${(since / 1000).toFixed(1)} s`;
  if (moved.counts === null) {
    io.out(`${source.path} was already moved to ${nameOf(target)}: there is nothing to do.`);
  } else {
    tellCounts(moved.counts, io);
    const took = seconds(performance.now() - startedAt);
    io.out(`Moved in ${took}. The move was complete ${seconds(Date.now() - moved.begunAt)} after its first start.`);
  }
  io.out(
    `Now set LATCHKEY_DATABASE_URL to ${nameOf(target)}, keep the pepper and the master key, and start the service. ` +
      `${source.path} takes no more writes. It still holds all data, so delete it when the new database has a backup.`,
  );
}

/** Cancels a move that is not complete. */
export function abort(settings: Settings, io: Io): void {
  const path = sourceOf(settings);
  const target = abortMove({ path });
  io.out(
    target === null
      ? `${path} is not being moved: there is nothing to cancel.`
      : `Cancelled the move: ${path} takes writes again. ${target} holds a part of the data and can't be used: drop that database.`,
  );
}

function sourceOf(settings: Settings): string {
  return sqliteFileOf(
    settings,
    () => "LATCHKEY_DATABASE_URL names a PostgreSQL database: set it to the SQLite database that is to be moved.",
  );
}

function targetOf(to: MoveTo, { databasePooler }: Settings): PostgresLocation {
  const option = "url" in to ? "--to" : "--to-file";
  try {
    const text = "url" in to ? to.url : readFileSync(to.file === standardStream ? 0 : to.file, "utf8").trimEnd();
    const url = parsePostgresUrl(text);
    const readLogin = databaseLoginReader(url, { files: diskFiles, urlFile: null });
    return postgresLocation(url, { readLogin, poolMax: 1, pooler: databasePooler, readHosts: [] });
  } catch (error) {
    if (error instanceof SettingError) throw new CliError(`${option} ${error.message}.`);
    if ("file" in to) throw new CliError(`${option} ${to.file} cannot be read.`);
    throw error;
  }
}

/** Prints each table when it is complete, because batches pass within seconds. */
function tell(io: Io, path: string, target: PostgresLocation): (step: MoveStep) => void {
  return (step) => {
    if (step.kind === "source marked") {
      io.out(
        step.resumed
          ? `Resuming the move of ${path} to ${nameOf(target)}.`
          : `Moving ${path} to ${nameOf(target)}: servers refuse writes until the move is complete or cancelled.`,
      );
    }
    if (step.kind === "copied" && step.last && step.rows > 0) io.out(`  ${step.table}: ${step.rows} rows`);
  };
}

function tellCounts(counts: readonly TableCount[], io: Io): void {
  const width = Math.max(...counts.map(({ table }) => table.length));
  io.out(`${"table".padEnd(width)}  ${"SQLite".padStart(10)}  ${"PostgreSQL".padStart(10)}`);
  for (const { table, source, target } of counts) {
    io.out(`${table.padEnd(width)}  ${String(source).padStart(10)}  ${String(target).padStart(10)}`);
  }
}
