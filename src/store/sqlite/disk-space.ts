import { randomBytes } from "node:crypto";
import type { Database } from "better-sqlite3";
import { codeOf } from "../../lib/error-code.js";
import type { Writer } from "./writer.js";

/** Remembers that the disk was full at the last write, and checks whether there is space again. */
export interface DiskSpace {
  noteFailure(error: unknown): void;
  ranOut(): boolean;
  /** Writes as much as many concurrent calls would, and removes it again. Rejects if there is no space for it. */
  check(writer: Writer): Promise<void>;
}

/** More than the about one hundred pages that a commit of many calls writes. */
const neededBytes = 256 * 1024;

/**
 * On a full disk small writes still succeed for a long time in space reserved earlier. Their success does not show that there
 * is space.
 */
export function createDiskSpace(db: Database): DiskSpace {
  // No call finds this expired row, and the next sweep deletes it if it is left behind.
  const insert = db.prepare<[Uint8Array, string]>("INSERT INTO idempotency (mac, outcome, expires_at) VALUES (?, ?, 0)");
  const remove = db.prepare<[Uint8Array]>("DELETE FROM idempotency WHERE mac = ?");
  let missing = false;
  return {
    noteFailure(error) {
      if (isOfDisk(error)) missing = true;
    },
    ranOut: () => missing,
    async check(writer) {
      const mac = randomBytes(32);
      await writer.write(() => void insert.run(mac, "x".repeat(neededBytes)));
      await writer.write(() => void remove.run(mac));
      missing = false;
    },
  };
}

function isOfDisk(error: unknown): boolean {
  return /^SQLITE_(FULL|IOERR)/.test(codeOf(error));
}
