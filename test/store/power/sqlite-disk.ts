import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { vi } from "vitest";

/** What a file is on the disk: what was flushed, and what the system was given since. */
interface File {
  flushed: Buffer;
  given: Buffer;
}

/**
 * What a loss of power leaves of a database, by the flushes that SQLite makes in WAL mode: the log at each commit under
 * `synchronous=FULL` that wrote something, and both files at each checkpoint, also one that a commit makes. Every commit is asked
 * for its setting.
 */
export interface Disk {
  /**
   * Writes what a loss of power now leaves to new files, and gives their path. By default that is what was flushed. With `luck`,
   * each sector that was written since may be there, old, or empty.
   */
  cut(luck?: () => number): string;
  /** How often the log was flushed. */
  flushes(): number;
}

const full = 2;
const sector = 512;
const suffixes = ["", "-wal"] as const;

/** Call before the database is opened. */
export function watchDisk(folder: string): { disk(path: string): Disk; end(): void } {
  const watched = new Map<string, { files: Record<string, File>; flushes: number }>();
  const { prepare } = Database.prototype;

  function note(path: string, how: { readonly flushes: boolean }): void {
    const seen = watched.get(path);
    if (seen === undefined) return;
    let wrote = false;
    let checkpointed = false;
    for (const suffix of suffixes) {
      const file = seen.files[suffix]!;
      const given = readFileSync(path + suffix);
      const changed = !given.equals(file.given);
      wrote ||= changed;
      // In WAL mode only a checkpoint writes to the database file.
      checkpointed ||= changed && suffix === "";
      file.given = given;
    }
    if (!(how.flushes || checkpointed) || !wrote) return;
    seen.flushes += 1;
    for (const suffix of suffixes) seen.files[suffix]!.flushed = seen.files[suffix]!.given;
  }

  const spy = vi.spyOn(Database.prototype, "prepare").mockImplementation(function (this: Database.Database, sql) {
    const statement = prepare.call(this, sql) as unknown as { run(): unknown; get(): unknown };
    const { run, get } = statement;
    if (sql === "COMMIT") {
      statement.run = () => {
        const setting = prepare.call(this, "PRAGMA synchronous").pluck().get();
        const result = run.call(statement);
        note(this.name, { flushes: setting === full });
        return result;
      };
    }
    if (sql.startsWith("PRAGMA wal_checkpoint")) {
      statement.get = () => {
        const result = get.call(statement);
        note(this.name, { flushes: true });
        return result;
      };
    }
    return statement as never;
  });

  let copies = 0;
  return {
    disk(path) {
      // Opening it commits with FULL alone.
      const file = (suffix: string) => ({ flushed: readFileSync(path + suffix), given: readFileSync(path + suffix) });
      watched.set(path, { files: Object.fromEntries(suffixes.map((suffix) => [suffix, file(suffix)])), flushes: 0 });
      return {
        cut(luck) {
          const { files } = watched.get(path)!;
          if (!readFileSync(path).equals(files[""]!.flushed)) throw new Error("the model knows nothing of this checkpoint");
          copies += 1;
          const copy = join(folder, `copy-${copies}`);
          mkdirSync(copy);
          for (const suffix of suffixes) writeFileSync(join(copy, `latchkey.db${suffix}`), left(files[suffix]!, luck));
          return join(copy, "latchkey.db");
        },
        flushes: () => watched.get(path)!.flushes,
      };
    },
    end: () => spy.mockRestore(),
  };
}

function left({ flushed, given }: File, luck: (() => number) | undefined): Buffer {
  if (luck === undefined) return flushed;
  const length = Math.max(flushed.length, Math.round(luck() * given.length));
  const result = Buffer.alloc(length);
  flushed.copy(result);
  for (let at = 0; at < length; at += sector) {
    const [before, after] = [flushed.subarray(at, at + sector), given.subarray(at, at + sector)];
    if (!before.equals(after) && luck() < 0.7) after.copy(result, at);
  }
  return result;
}
