import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";
import type { KeyCheck } from "../port/keys.js";
import type { Store } from "../port/store.js";
import { type KeyRow, toStoredKey } from "../shared/keys.js";
import { isLiveChallenge, isLiveSession } from "../shared/rows.js";
import type { Writer } from "./writer.js";

type Operations = Store["keys"];

export function createKeys(db: Database, writer: Writer): Operations {
  const all = db.prepare<[], KeyRow>("SELECT * FROM keys ORDER BY created_at, key_id");
  const newestOf = db
    .prepare<[string], string>("SELECT key_id FROM keys WHERE use = ? ORDER BY created_at DESC, key_id DESC LIMIT 1")
    .pluck();
  const insert = db.prepare(
    "INSERT INTO keys (key_id, use, alg, public_jwk, sealed, created_at, active_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const reseal = db.prepare<[Uint8Array, string, Uint8Array]>("UPDATE keys SET sealed = ? WHERE key_id = ? AND sealed = ?");
  const remove = db.prepare<[string]>("DELETE FROM keys WHERE key_id = ?");
  const checks = db.prepare<[], { use: KeyCheck["use"]; key_id: string; check: Buffer }>(
    'SELECT use, key_id, "check" FROM key_checks ORDER BY use, key_id',
  );
  const insertCheck = db.prepare<[string, string, Uint8Array]>(
    'INSERT INTO key_checks (use, key_id, "check") VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const count = {
    master: db.prepare<{ keyId: string; now: EpochMs }, { count: number }>(
      `SELECT count(*) AS count FROM sessions s WHERE key_id = @keyId AND ${isLiveSession("@now")}`,
    ),
    pepper: db.prepare<{ keyId: string; now: EpochMs }, { count: number }>(
      `SELECT count(*) AS count FROM challenges c WHERE pepper_id = @keyId AND ${isLiveChallenge("@now")}`,
    ),
  };
  const removeSessions = db.prepare<{ keyId: string; now: EpochMs; limit: number }>(
    `DELETE FROM sessions WHERE session_id IN (SELECT session_id FROM sessions s WHERE key_id = @keyId AND ${isLiveSession("@now")} LIMIT @limit)`,
  );
  const removeCheck = db.prepare<[string, string]>("DELETE FROM key_checks WHERE use = ? AND key_id = ?");

  return {
    list: () => writer.read(() => all.all().map(toStoredKey)),
    add({ key, ifNewest }) {
      return writer.write(() => {
        if (ifNewest !== undefined && (newestOf.get(key.use) ?? null) !== ifNewest) return false;
        insert.run(key.keyId, key.use, key.alg, key.publicJwk, key.sealed, key.createdAt, key.activeAt);
        return true;
      });
    },
    reseal: ({ keyId, was, sealed }) => writer.write(() => reseal.run(sealed, keyId, was).changes > 0),
    delete: (keyId) => writer.write(() => void remove.run(keyId)),
    listChecks() {
      return writer.read(() => checks.all().map((row) => ({ use: row.use, keyId: row.key_id, check: row.check })));
    },
    addCheck: ({ use, keyId, check }) => writer.write(() => void insertCheck.run(use, keyId, check)),
    countUses: ({ use, keyId, now }) => writer.read(() => count[use].get({ keyId, now })!.count),
    revokeSessions: (change) => writer.write(() => removeSessions.run(change).changes),
    deleteCheck: ({ use, keyId }) => writer.write(() => void removeCheck.run(use, keyId)),
  };
}
