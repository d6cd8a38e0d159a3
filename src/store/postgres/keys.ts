import type { KeyCheck } from "../port/keys.js";
import type { Store } from "../port/store.js";
import { type KeyRow, toStoredKey } from "../shared/keys.js";
import { isLiveChallenge, isLiveSession } from "../shared/rows.js";
import { withClient } from "./connection.js";
import type { Database, Statement } from "./database.js";
import type { PostgresLocation } from "./location.js";
import { refuseFilling } from "./move-mark.js";
import { keyParameter } from "./parameters.js";

type Operations = Store["keys"];

const keyColumns = "key_id, use, alg, public_jwk, sealed, created_at, active_at";
const list: Statement = { name: "list_keys", text: `SELECT ${keyColumns} FROM keys ORDER BY created_at, key_id` };
const add: Statement = {
  name: "add_key",
  text: "INSERT INTO keys SELECT k.* FROM jsonb_populate_record(NULL::keys, $1) AS k",
};
const addIfNewest: Statement = { name: "add_key_if_newest", text: "SELECT add_key_if_newest($1, $2) AS added" };
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
  text: `INSERT INTO key_checks (use, key_id, "check") SELECT $1, $2, $3
    WHERE NOT EXISTS (SELECT 1 FROM move WHERE state = 'filling') ON CONFLICT (use, key_id) DO NOTHING`,
};
const removeCheck: Statement = {
  name: "delete_key_check",
  text: "DELETE FROM key_checks WHERE use = $1 AND key_id = $2",
};
const count: Readonly<Record<KeyCheck["use"], string>> = {
  master: `SELECT count(*) AS count FROM sessions s WHERE s.key_id = $1 AND ${isLiveSession("$2")}`,
  pepper: `SELECT count(*) AS count FROM challenges c WHERE c.pepper_id = $1 AND ${isLiveChallenge("$2")}`,
};
const removeSessions = `SELECT end_sessions(ARRAY(
  SELECT s.session_id FROM sessions s WHERE s.key_id = $1 AND ${isLiveSession("$2")} LIMIT $3)) AS ended`;

export function createKeys(db: Database, location: PostgresLocation): Operations {
  /** No index knows which rows need a key: they are looked for among millions, without the time limits of operations. */
  async function searched<Row>(text: string, values: readonly unknown[]): Promise<Row> {
    const { rows } = await withClient(location, (client) => client.query(text, [...values]));
    return rows[0] as Row;
  }

  return {
    list: async () => (await db.rows<KeyRow>(list)).map(toStoredKey),
    async add({ key, ifNewest }) {
      if (ifNewest === undefined) return (await db.changes(add, [keyParameter(key)])) > 0;
      const [row] = await db.rows<{ added: boolean }>(addIfNewest, [keyParameter(key), ifNewest]);
      if (!row!.added) await refuseFilling(db);
      return row!.added;
    },
    reseal: async ({ keyId, was, sealed }) => (await db.changes(reseal, [keyId, was, sealed])) > 0,
    delete: async (keyId) => void (await db.changes(remove, [keyId])),
    async listChecks() {
      const rows = await db.rows<{ use: KeyCheck["use"]; key_id: string; check: Buffer }>(listChecks);
      // Who starts on what another database's move has brought so far would find all keys there, and make none.
      await refuseFilling(db);
      return rows.map((row) => ({ use: row.use, keyId: row.key_id, check: row.check }));
    },
    async addCheck({ use, keyId, check }) {
      if ((await db.changes(addCheck, [use, keyId, check])) === 0) await refuseFilling(db);
    },
    countUses: async ({ use, keyId, now }) => (await searched<{ count: number }>(count[use], [keyId, now])).count,
    revokeSessions: async ({ keyId, now, limit }) =>
      (await searched<{ ended: number }>(removeSessions, [keyId, now, limit])).ended,
    deleteCheck: async ({ use, keyId }) => void (await db.changes(removeCheck, [use, keyId])),
  };
}
