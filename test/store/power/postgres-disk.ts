import { closeSync, existsSync, openSync, readdirSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../../src/store/port/store.js";
import type { PostgresLocation } from "../../../src/store/postgres/location.js";
import { locationOf, query } from "../../support/postgres.js";
import { startRestartableServer } from "../../support/postgres-server.js";
import type { Powered } from "./loss-of-power.js";

/** A server that waits for its disk, and beside that flushes nothing by itself for as long as a test takes. */
const flags = [
  "fsync=on",
  "full_page_writes=on",
  "wal_writer_delay=10s",
  "wal_level=minimal",
  "max_wal_senders=0",
  "autovacuum=off",
  "bgwriter_lru_maxpages=0",
  "checkpoint_timeout=1h",
  "recovery_init_sync_method=syncfs",
];

export interface PostgresDisk {
  readonly location: PostgresLocation;
  /** Ends the server, removes all WAL that was not flushed when this was called, and starts the server on what is left. */
  cut(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgresDisk(): Promise<PostgresDisk> {
  const server = await startRestartableServer({ flags });
  const location = locationOf(server.url);
  return {
    location,
    async cut() {
      const [flushed] = await query<{ file: string; offset: number }>(
        location,
        'SELECT file_name AS file, file_offset AS "offset" FROM pg_walfile_name_offset(pg_current_wal_flush_lsn())',
      );
      await server.die();
      removeLogAfter(join(server.folder, "pg_wal"), flushed!);
      await server.start();
    },
    stop: () => server.stop(),
  };
}

/** A store on a disk, opened again after each loss of power. */
export async function poweredBy(disk: PostgresDisk, open: () => Promise<Store>): Promise<Powered> {
  let store = await open();
  return {
    store,
    async cut() {
      const before = store;
      await disk.cut();
      await before.close();
      store = await open();
      return store;
    },
    close: () => store.close(),
  };
}

function removeLogAfter(folder: string, { file, offset }: { readonly file: string; readonly offset: number }): void {
  if (!existsSync(join(folder, file))) throw new Error(`there is no WAL segment ${file}`);
  for (const name of readdirSync(folder)) if (/^[0-9A-F]{24}$/.test(name) && name > file) rmSync(join(folder, name));
  const path = join(folder, file);
  const log = openSync(path, "r+");
  writeSync(log, Buffer.alloc(statSync(path).size - offset), 0, undefined, offset);
  closeSync(log);
}
