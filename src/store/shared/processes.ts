import type { EpochMs } from "../../model/time.js";
import type { CurrentKeys, Processes, SeenProcess } from "../port/processes.js";
import { type ColdDatabase, type Steps, sql } from "./cold-database.js";

interface ProcessRow {
  process_id: string;
  host: string;
  pid: number;
  addresses: string;
  version: string;
  master_keys: string;
  peppers: string;
  master_key: string;
  pepper: string;
  started_at: EpochMs;
  seen_at: EpochMs;
}

const columns =
  "process_id, host, pid, addresses, version, master_keys, peppers, master_key, pepper, started_at, seen_at" as const;
const all = `SELECT ${columns} FROM processes ORDER BY host, started_at, process_id`;

export const currentKeys = "SELECT use, key_id FROM key_checks WHERE is_current = 1";

/** Ids of keys, addresses and host names contain no space. */
const joined = (parts: readonly string[]): string => parts.join(" ");
const split = (text: string): string[] => (text === "" ? [] : text.split(" "));

/** Returns the processes that were seen after a time. */
export function* processesSeen(after: EpochMs): Steps<readonly SeenProcess[]> {
  return (yield* sql<ProcessRow>(all)).map(toProcess).filter(({ seenAt }) => seenAt > after);
}

export function toCurrentKeys(rows: readonly { use: "master" | "pepper"; key_id: string }[]): CurrentKeys {
  const of = (use: string) => rows.find((row) => row.use === use)?.key_id ?? null;
  return { master: of("master"), pepper: of("pepper") };
}

export function createProcesses(db: ColdDatabase): Processes {
  return {
    beat: (self) =>
      db.write(function* () {
        const { processId, host, pid, addresses, version, keyIds, writesWith, startedAt, now } = self;
        yield* sql(
          `INSERT INTO processes (${columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (process_id) DO UPDATE SET
            addresses = EXCLUDED.addresses, master_key = EXCLUDED.master_key, pepper = EXCLUDED.pepper, seen_at = EXCLUDED.seen_at`,
          [
            processId,
            host,
            pid,
            joined(addresses),
            version,
            joined(keyIds.master),
            joined(keyIds.pepper),
            writesWith.master,
            writesWith.pepper,
            startedAt,
            now,
          ],
        );
        return toCurrentKeys(yield* sql(currentKeys));
      }),

    list: async () => (await db.read<ProcessRow>(all)).map(toProcess),

    leave: (processId) =>
      db.write(function* () {
        yield* sql("DELETE FROM processes WHERE process_id = $1", [processId]);
      }),

    forget: ({ before }) =>
      db.write(function* () {
        yield* sql("DELETE FROM processes WHERE seen_at < $1", [before]);
      }),
  };
}

function toProcess(row: ProcessRow): SeenProcess {
  return {
    processId: row.process_id,
    host: row.host,
    pid: row.pid,
    addresses: split(row.addresses),
    version: row.version,
    keyIds: { master: split(row.master_keys), pepper: split(row.peppers) },
    writesWith: { master: row.master_key, pepper: row.pepper },
    startedAt: row.started_at,
    seenAt: row.seen_at,
  };
}
