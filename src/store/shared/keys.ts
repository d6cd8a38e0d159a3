import type { EpochMs } from "../../model/time.js";
import type { KeyCheck, Keys, Promotion, StoredKey } from "../port/keys.js";
import { type ColdDatabase, type Steps, sql } from "./cold-database.js";
import { currentKeys, processesSeen, toCurrentKeys } from "./processes.js";

interface KeyRow {
  key_id: string;
  use: StoredKey["use"];
  alg: string;
  public_jwk: string;
  sealed: Buffer;
  created_at: EpochMs;
  active_at: EpochMs;
}

const keyColumns = "key_id, use, alg, public_jwk, sealed, created_at, active_at";

export function* insertKey(key: StoredKey): Steps<void> {
  const values = [key.keyId, key.use, key.alg, key.publicJwk, key.sealed, key.createdAt, key.activeAt];
  yield* sql(`INSERT INTO keys (${keyColumns}) VALUES ($1, $2, $3, $4, $5, $6, $7)`, values);
}

function* insertCheck({ use, keyId, check }: KeyCheck): Steps<void> {
  const text = 'INSERT INTO key_checks (use, key_id, "check") VALUES ($1, $2, $3) ON CONFLICT DO NOTHING';
  yield* sql(text, [use, keyId, check]);
}

function* makeCurrent(use: KeyCheck["use"], keyId: string): Steps<void> {
  const text = "UPDATE key_checks SET is_current = CASE WHEN key_id = $2 THEN 1 ELSE 0 END WHERE use = $1";
  yield* sql(text, [use, keyId]);
}

/** Keys and their checks. Operations that look for sessions and challenges are in the engines' `key-uses.ts`. */
export function createKeys(db: ColdDatabase): Omit<Keys, "countUses" | "revokeSessions"> {
  return {
    async list(query) {
      const where = query === undefined ? "" : "WHERE use = $1";
      const text = `SELECT ${keyColumns} FROM keys ${where} ORDER BY created_at, key_id`;
      return (await db.read<KeyRow>(text, query === undefined ? [] : [query.use])).map(toStoredKey);
    },

    async find(keyId) {
      const [row] = await db.read<KeyRow>(`SELECT ${keyColumns} FROM keys WHERE key_id = $1`, [keyId]);
      return row === undefined ? null : toStoredKey(row);
    },

    add: ({ key, ifNewest }) =>
      db.write(function* () {
        if (ifNewest !== undefined) {
          const [newest] = yield* sql<Pick<KeyRow, "key_id">>(
            "SELECT key_id FROM keys WHERE use = $1 ORDER BY created_at DESC, key_id DESC LIMIT 1",
            [key.use],
          );
          if ((newest?.key_id ?? null) !== ifNewest) return false;
        }
        yield* insertKey(key);
        return true;
      }),

    reseal: ({ keyId, was, sealed }) =>
      db.write(function* () {
        const text = "UPDATE keys SET sealed = $3 WHERE key_id = $1 AND sealed = $2 RETURNING key_id";
        return (yield* sql(text, [keyId, was, sealed])).length > 0;
      }),

    delete: (keyId) =>
      db.write(function* () {
        yield* sql("DELETE FROM keys WHERE key_id = $1", [keyId]);
      }),

    async listChecks() {
      const rows = await db.read<{ use: KeyCheck["use"]; key_id: string; check: Buffer }>(
        'SELECT use, key_id, "check" FROM key_checks ORDER BY use, key_id',
      );
      return rows.map((row) => ({ use: row.use, keyId: row.key_id, check: row.check }));
    },

    addCheck: (check) => db.write(() => insertCheck(check)),

    deleteCheck: ({ use, keyId }) =>
      db.write(function* () {
        yield* sql("DELETE FROM key_checks WHERE use = $1 AND key_id = $2 AND is_current = 0", [use, keyId]);
        return (yield* sql("SELECT 1 FROM key_checks WHERE use = $1 AND key_id = $2", [use, keyId])).length === 0;
      }),

    findCurrent: async () => toCurrentKeys(await db.read(currentKeys)),

    chooseCurrent: ({ use, keyId }) =>
      db.write(function* () {
        const before = toCurrentKeys(yield* sql(currentKeys))[use];
        if (before !== null) return before;
        yield* makeCurrent(use, keyId);
        return toCurrentKeys(yield* sql(currentKeys))[use];
      }),

    promote: ({ use, keyId, check, seenAfter }) =>
      db.write<Promotion>(function* () {
        const text = 'SELECT "check" FROM key_checks WHERE use = $1 AND key_id = $2';
        const [known] = yield* sql<{ check: Buffer }>(text, [use, keyId]);
        if (known !== undefined && !known.check.equals(check)) return { kind: "wrong" };
        if (toCurrentKeys(yield* sql(currentKeys))[use] === keyId) return { kind: "current" };
        const processes = (yield* processesSeen(seenAfter)).filter(({ keyIds }) => !keyIds[use].includes(keyId));
        if (processes.length > 0) return { kind: "lacking", processes };
        if (known === undefined) yield* insertCheck({ use, keyId, check });
        yield* makeCurrent(use, keyId);
        return { kind: "promoted" };
      }),
  };
}

function toStoredKey(row: KeyRow): StoredKey {
  return {
    keyId: row.key_id,
    use: row.use,
    alg: row.alg,
    publicJwk: row.public_jwk,
    sealed: row.sealed,
    createdAt: row.created_at,
    activeAt: row.active_at,
  };
}
