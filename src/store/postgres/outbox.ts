import type { EpochMs } from "../../model/time.js";
import type { Store } from "../port/store.js";
import { type DueRow, isLiveChallenge, toMessage } from "../shared/rows.js";
import { type Database, type Statement, unflushed } from "./database.js";
import { claimantOf } from "./functions/person-rows.js";
import { functionName } from "./functions/set.js";

type Operations = Store["outbox"];

// A message's due_at is also the end of its lease: claiming sets it. Messages that another claimer is taking now are skipped. A
// message that it has already taken no longer matches when the lock checks again. Arrays and OFFSET 0 keep the planner from
// joining whole tables when statistics are old.
const claim: Statement = {
  name: "claim_messages",
  text: `
    WITH due AS MATERIALIZED (
      SELECT m.outbox_id, m.due_at FROM outbox m WHERE m.due_at <= $1 ORDER BY m.due_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ), leased AS (
      UPDATE outbox m SET due_at = $2, tries = m.tries + 1 WHERE m.outbox_id = ANY (ARRAY(SELECT d.outbox_id FROM due d))
      RETURNING m.outbox_id, m.tries, m.challenge_id
    )
    SELECT m.outbox_id, m.tries, m.challenge_id, c.app_id, c.client_id, c.purpose, c.channel, c.contact_kind, c.contact_value,
      c.locale,
      CASE WHEN NOT c.decoy AND ${isLiveChallenge("$1")} THEN c.sealed_code END AS sealed_code, c.expires_at,
      coalesce(member.state IS NOT NULL, false) AS has_user, coalesce(member.state = 'invited', false) AS invited
    FROM leased m JOIN due d ON d.outbox_id = m.outbox_id
    LEFT JOIN LATERAL (
      SELECT c.pool_id, c.app_id, c.user_id, c.client_id, c.purpose, c.channel, c.contact_kind, c.contact_value, c.locale, c.decoy,
        c.sealed_code, c.expires_at, c.consumed_at, c.cancelled_at
      FROM challenges c WHERE c.challenge_id = m.challenge_id OFFSET 0
    ) c ON true
    LEFT JOIN LATERAL (
      SELECT m.state FROM memberships m WHERE m.app_id = c.app_id AND m.user_id = coalesce(c.user_id,
        (SELECT o.user_id FROM contacts o WHERE o.pool_id = c.pool_id AND o.kind = c.contact_kind AND o.value = c.contact_value),
        ${claimantOf("c.app_id", "c.contact_kind", "c.contact_value", "false")})
      OFFSET 0
    ) member ON true
    CROSS JOIN ${unflushed}
    ORDER BY d.due_at, m.outbox_id`,
};
const settle: Statement = {
  name: "settle_messages",
  text: `SELECT FROM ${unflushed}, ${functionName("settle_messages")}($1, $2, $3)`,
};
const next: Statement = { name: "next_message_due", text: "SELECT min(due_at) AS due_at FROM outbox" };

export function createOutbox(db: Database): Operations {
  return {
    async claim({ now, leaseMs, limit }) {
      return (await db.rows<DueRow>(claim, [now, now + leaseMs, limit])).map(toMessage);
    },
    async settle(settlements) {
      if (settlements.length === 0) return;
      const sorted = [...settlements].sort((a, b) => a.outboxId - b.outboxId);
      await db.rows(settle, [
        sorted.map(({ outboxId }) => outboxId),
        sorted.map(({ tries }) => tries),
        sorted.map(({ retryAt }) => retryAt),
      ]);
    },
    async nextDueAt() {
      const [row] = await db.rows<{ due_at: EpochMs | null }>(next);
      return row!.due_at;
    },
  };
}
