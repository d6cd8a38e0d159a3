import type { KeyCheck, Store } from "../store.js";
import type { Database, Statement } from "./database.js";
import { keyParameter } from "./parameters.js";
import { isLiveChallenge, isLiveSession, type KeyRow, toStoredKey } from "./rows.js";

type Operations = Pick<
  Store,
  | "listKeys"
  | "addKey"
  | "resealKey"
  | "deleteKey"
  | "listKeyChecks"
  | "addKeyCheck"
  | "deleteKeyCheck"
  | "countKeyUses"
  | "revokeSessionsOfKey"
>;

const keyColumns = "key_id, use, alg, public_jwk, sealed, created_at, active_at";
const list: Statement = { name: "list_keys", text: `SELECT ${keyColumns} FROM keys ORDER BY created_at, key_id` };
const add: Statement = {
  name: "add_key",
  text: "INSERT INTO keys SELECT k.* FROM jsonb_populate_record(NULL::keys, $1) AS k",
};
const addFirst: Statement = { name: "add_first_key", text: "SELECT add_first_key($1) AS added" };
const reseal: Statement = {
  name: "reseal_key",
  text: "UPDATE keys SET sealed = $3 WHERE key_id = $1 AND sealed = $2",
};
const remove: Statement = { name: "delete_key", text: "DELETE FROM keys WHERE key_id = $1" };
const listChecks: Statement = {
  name: "list_key_checks",
  text: 'SELECT use, key_id, "check" FROM key_checks ORDER BY use, key_id',
};
const addCheck: Statement = {
  name: "add_key_check",
  text: 'INSERT INTO key_checks (use, key_id, "check") VALUES ($1, $2, $3) ON CONFLICT (use, key_id) DO NOTHING',
};
const removeCheck: Statement = {
  name: "delete_key_check",
  text: "DELETE FROM key_checks WHERE use = $1 AND key_id = $2",
};
const count: Readonly<Record<KeyCheck["use"], Statement>> = {
  master: {
    name: "count_master_uses",
    text: `SELECT count(*) AS count FROM sessions s WHERE s.key_id = $1 AND ${isLiveSession("$2")}`,
  },
  pepper: {
    name: "count_pepper_uses",
    text: `SELECT count(*) AS count FROM challenges c WHERE c.pepper_id = $1 AND ${isLiveChallenge("$2")}`,
  },
};
const removeSessions: Statement = {
  name: "revoke_sessions_of_key",
  text: `SELECT end_sessions(ARRAY(
    SELECT s.session_id FROM sessions s WHERE s.key_id = $1 AND ${isLiveSession("$2")})) AS ended`,
};

export function createKeys(db: Database): Operations {
  return {
    listKeys: async () => (await db.rows<KeyRow>(list)).map(toStoredKey),
    async addKey(key, { ifNone }) {
      if (!ifNone) return (await db.changes(add, [keyParameter(key)])) > 0;
      const [row] = await db.rows<{ added: boolean }>(addFirst, [keyParameter(key)]);
      return row!.added;
    },
    resealKey: async ({ keyId, was, sealed }) => (await db.changes(reseal, [keyId, was, sealed])) > 0,
    deleteKey: async (keyId) => void (await db.changes(remove, [keyId])),
    async listKeyChecks() {
      const rows = await db.rows<{ use: KeyCheck["use"]; key_id: string; check: Buffer }>(listChecks);
      return rows.map((row) => ({ use: row.use, keyId: row.key_id, check: row.check }));
    },
    addKeyCheck: async ({ use, keyId, check }) => void (await db.changes(addCheck, [use, keyId, check])),
    async countKeyUses({ use, keyId, now }) {
      const [row] = await db.rows<{ count: number }>(count[use], [keyId, now]);
      return row!.count;
    },
    async revokeSessionsOfKey({ keyId, now }) {
      const [row] = await db.rows<{ ended: number }>(removeSessions, [keyId, now]);
      return row!.ended;
    },
    deleteKeyCheck: async ({ use, keyId }) => void (await db.changes(removeCheck, [use, keyId])),
  };
}
