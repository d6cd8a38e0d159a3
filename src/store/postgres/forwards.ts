import type { Store } from "../port/store.js";
import { type ForwardRow, forwardColumns, toForward } from "../shared/forward-rows.js";
import { messageColumns } from "../shared/message-rows.js";
import { type Database, type Statement, unflushed } from "./database.js";
import { functionName } from "./functions/set.js";

// A change's due_at is also the end of its lease. One that another claimer has already taken no longer matches when the lock checks
// again. Subqueries and OFFSET 0 keep the planner from joining whole tables when statistics are old.
const claim: Statement = {
  name: "claim_forwards",
  text: `
    WITH due AS MATERIALIZED (
      SELECT f.forward_id, f.due_at FROM unnest($1::text[], $2::integer[]) AS a(app_id, app_max) CROSS JOIN LATERAL (
        SELECT o.forward_id, o.due_at, row_number() OVER (ORDER BY o.due_at, o.forward_id) AS nth FROM (
          SELECT w.forward_id, w.due_at FROM message_forwards w
          WHERE w.app_id = a.app_id AND w.due_at <= $3
            AND w.forward_id = (SELECT min(e.forward_id) FROM message_forwards e WHERE e.message_id = w.message_id)
          ORDER BY w.due_at, w.forward_id LIMIT a.app_max FOR UPDATE SKIP LOCKED) AS o) AS f
      ORDER BY f.nth - a.app_max, f.due_at, f.forward_id LIMIT $5
    ), leased AS (
      UPDATE message_forwards w SET due_at = $4, tries = w.tries + 1
      WHERE w.forward_id = ANY (ARRAY(SELECT d.forward_id FROM due d))
      RETURNING w.forward_id, w.message_id, w.tries, w.app_id, w.status, w.cause, w.changed_at
    )
    SELECT ${forwardColumns("w")}, ${messageColumns("m")} FROM leased w
    JOIN due d ON d.forward_id = w.forward_id
    LEFT JOIN LATERAL (SELECT ${messageColumns("m")} FROM messages m WHERE m.message_id = w.message_id OFFSET 0) m ON true
    CROSS JOIN ${unflushed}
    ORDER BY d.due_at, w.forward_id`,
};

const settle: Statement = {
  name: "settle_forwards",
  text: `SELECT FROM ${unflushed}, ${functionName("settle_forwards")}($1, $2, $3)`,
};

const drop: Statement = { name: "drop_forwards", text: "DELETE FROM message_forwards WHERE app_id = $1" };

const sweep: Statement = {
  name: "sweep_forwards",
  text: `
    WITH swept AS (
      DELETE FROM message_forwards WHERE forward_id = ANY (ARRAY(
        SELECT w.forward_id FROM message_forwards w WHERE w.changed_at < $1 ORDER BY w.changed_at LIMIT $2 FOR UPDATE SKIP LOCKED))
      RETURNING app_id
    )
    SELECT s.app_id, count(*) AS count FROM swept s CROSS JOIN ${unflushed} GROUP BY s.app_id`,
};

export function createForwards(db: Database): Store["forwards"] {
  return {
    async claim({ apps, now, leaseMs, limit }) {
      const [ids, most] = [apps.map(({ appId }) => appId), apps.map(({ max }) => max)];
      return (await db.rows<ForwardRow>(claim, [ids, most, now, now + leaseMs, limit])).map(toForward);
    },
    async settle(results) {
      const sorted = [...results].sort((a, b) => a.forwardId - b.forwardId);
      await db.rows(settle, [
        sorted.map(({ forwardId }) => forwardId),
        sorted.map(({ tries }) => tries),
        sorted.map(({ retryAt }) => retryAt),
      ]);
    },
    async drop({ appId }) {
      await db.rows(drop, [appId]);
    },
    async sweep({ before, limit }) {
      const rows = await db.rows<{ app_id: string; count: number }>(sweep, [before, limit]);
      return rows.map(({ app_id, count }) => ({ appId: app_id, count }));
    },
  };
}
