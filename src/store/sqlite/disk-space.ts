import { randomBytes } from "node:crypto";
import type { Database } from "better-sqlite3";
import { codeOf } from "../../lib/error-code.js";
import type { Writer } from "./writer.js";

/** Knows that the disk was full when something was last written, and finds out when it no longer is. */
export interface DiskSpace {
  noteFailure(error: unknown): void;
  ranOut(): boolean;
  /** Writes as much as many calls together would, and takes it back. Rejects when there is no space for it. */
  check(writer: Writer): Promise<void>;
}

/** A commit of many calls writes some hundred pages. */
const neededBytes = 256 * 1024;

/** A full disk has room for small writes for a long time yet, in what was reserved before: they don't tell that it is full. */
export function createDiskSpace(db: Database): DiskSpace {
  // Nobody finds a row that has expired, and should it be left behind the next sweep takes it away.
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
