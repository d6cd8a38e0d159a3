import type { EpochMs } from "../../model/time.js";
import type { Store } from "../port/store.js";
import { afterLook, afterPuttingOff, areFresh, horizonMs, lookFrom, noMarks } from "../rules/outbox-marks.js";
import {
  type ContactChangeRow,
  contactChangeColumns,
  type DueRow,
  hasExpired,
  takesGuesses,
  withNotices,
} from "../shared/rows.js";
import { type Database, type Statement, unflushed } from "./database.js";
import { claimantOf } from "./functions/person-rows.js";
import { functionName } from "./functions/set.js";
import { lapsesParameter, triesParameter } from "./message-parameters.js";

type Operations = Store["outbox"];

const claimed = "m.outbox_id, m.tries, m.queued_at, m.carrier, m.unknowns, m.muted, m.challenge_id, m.channel";

// A message's due_at is also the end of its lease: claiming sets it. Messages that another claimer is taking now are skipped. A
// message that it has already taken no longer matches when the lock checks again. Arrays and OFFSET 0 keep the planner from
// joining whole tables when statistics are old. A function looks for the message of a repeated try, so that claims of new messages
// do not open the partitions.
const claim: Statement = {
  name: "claim_messages",
  text: `
    WITH fresh AS MATERIALIZED (
      SELECT m.outbox_id, m.due_at FROM outbox m WHERE m.outbox_id > $4 AND m.due_at <= $1
      ORDER BY m.outbox_id LIMIT $3 FOR UPDATE SKIP LOCKED
    ), later AS MATERIALIZED (
      SELECT m.outbox_id, m.due_at FROM outbox_later m WHERE m.due_at >= $5 AND m.due_at <= $1
      ORDER BY m.due_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ), due AS MATERIALIZED (
      SELECT f.outbox_id, f.due_at FROM fresh f UNION ALL SELECT l.outbox_id, l.due_at FROM later l
      ORDER BY due_at, outbox_id LIMIT $3
    ), leased AS (
      UPDATE outbox m SET due_at = $2, tries = m.tries + 1 WHERE m.outbox_id = ANY (ARRAY(SELECT d.outbox_id FROM due d))
      RETURNING ${claimed}
    ), leased_later AS (
      UPDATE outbox_later m SET due_at = $2, tries = m.tries + 1 WHERE m.outbox_id = ANY (ARRAY(SELECT d.outbox_id FROM due d))
      RETURNING ${claimed}
    )
    SELECT m.outbox_id, m.tries, m.queued_at, m.carrier, m.unknowns, m.muted, m.challenge_id, c.pool_id, c.app_id, c.client_id, c.purpose,
      coalesce(m.channel, c.channel) AS channel, c.contact_kind, c.contact_value, c.is_test, c.locale, c.words,
      CASE WHEN NOT c.decoy AND ${takesGuesses("$1")} THEN c.sealed_code END AS sealed_code, c.expires_at,
      ${hasExpired("$1")} AS expired,
      member.user_id AS member_id, coalesce(member.state = 'invited', false) AS invited,
      CASE WHEN m.tries > 1 THEN ${functionName("has_message_ended")}(m.outbox_id, m.queued_at) ELSE false END AS ended
    FROM (SELECT ${claimed} FROM leased m UNION ALL SELECT ${claimed} FROM leased_later m) m
    JOIN due d ON d.outbox_id = m.outbox_id
    LEFT JOIN LATERAL (
      SELECT c.pool_id, c.app_id, c.user_id, c.client_id, c.purpose, c.channel, c.contact_kind, c.contact_value, c.locale, c.decoy,
        c.sealed_code, c.words, c.is_test, c.expires_at, c.consumed_at, c.cancelled_at, c.attempts, c.attempts_max
      FROM challenges c WHERE c.challenge_id = m.challenge_id OFFSET 0
    ) c ON true
    LEFT JOIN LATERAL (
      SELECT m.user_id, m.state FROM memberships m WHERE m.app_id = c.app_id AND m.user_id = coalesce(c.user_id,
        (SELECT o.user_id FROM contacts o WHERE o.pool_id = c.pool_id AND o.kind = c.contact_kind AND o.value = c.contact_value),
        ${claimantOf("c.app_id", "c.contact_kind", "c.contact_value", "false")})
      OFFSET 0
    ) member ON true
    CROSS JOIN ${unflushed}
    ORDER BY d.due_at, m.outbox_id`,
};

const changesOf: Statement = {
  name: "changes_of_notices",
  text: `SELECT ${contactChangeColumns} FROM contact_changes n WHERE n.change_id = ANY ($1)`,
};

// A sequence is read as it is now, whatever the snapshot. Its first number counts only once it was given out.
const look: Statement = {
  name: "look_at_outbox",
  text: `
    SELECT (SELECT m.outbox_id FROM outbox m WHERE m.outbox_id > $1 ORDER BY m.outbox_id LIMIT 1) AS lowest,
      (SELECT m.outbox_id FROM outbox m WHERE m.outbox_id > $1 AND m.due_at < $3 ORDER BY m.outbox_id LIMIT 1) AS lowest_due,
      (SELECT m.due_at FROM outbox_later m WHERE m.due_at >= $2 ORDER BY m.due_at LIMIT 1) AS later_due_at,
      CASE WHEN s.is_called THEN s.last_value ELSE 0 END AS top
    FROM outbox_outbox_id_seq s`,
};

const settle: Statement = {
  name: "settle_messages",
  text: `SELECT FROM ${unflushed}, ${functionName("settle_messages")}($1, $2, $3, $4, $5, $6, $7, $8)`,
};

// Bounded, because a backlog may be long. A message behind this many others that are due later does not matter: leases are fewer.
const nextScanMax = 10_000;
const next: Statement = {
  name: "next_message_due",
  text: `SELECT least(
      (SELECT min(f.due_at) FROM
        (SELECT m.due_at FROM outbox m WHERE m.outbox_id > $1 ORDER BY m.outbox_id LIMIT ${nextScanMax}) f),
      (SELECT m.due_at FROM outbox_later m WHERE m.due_at >= $2 ORDER BY m.due_at LIMIT 1)) AS due_at`,
};

interface LookRow {
  lowest: number | null;
  lowest_due: number | null;
  later_due_at: EpochMs | null;
  top: number;
}

/** `monotonic` returns milliseconds of a clock that is never set. */
export function createOutbox(db: Database, monotonic: () => number = () => performance.now()): Operations {
  let marks = noMarks;

  /** Looks, unless the marks hold for messages that are due up to `dueMax`. */
  async function refresh(now: EpochMs, dueMax: EpochMs): Promise<void> {
    const sentAt = monotonic();
    if (areFresh(marks, { at: sentAt, now, dueMax })) return;
    const from = lookFrom(marks, { at: sentAt, now });
    const [row] = await db.rows<LookRow>(look, [from.number, from.later, now + horizonMs]);
    const { lowest, lowest_due: lowestDue, later_due_at: laterDueAt, top } = row!;
    marks = afterLook(marks, { from, now, sentAt, answeredAt: monotonic(), lowest, lowestDue, laterDueAt, top });
  }

  return {
    async claim({ now, leaseMs, limit }) {
      await refresh(now, now);
      const rows = await db.rows<DueRow>(claim, [now, now + leaseMs, limit, marks.near, marks.laterFrom]);
      const without = rows.flatMap((row) => (row.pool_id === null ? [row.challenge_id] : []));
      return withNotices(rows, without.length === 0 ? [] : await db.rows<ContactChangeRow>(changesOf, [without]));
    },
    async settle(settlements, forwardTo = new Set()) {
      if (settlements.length === 0) return;
      const sorted = [...settlements].sort((a, b) => a.outboxId - b.outboxId);
      await db.rows(settle, [
        sorted.map(({ outboxId }) => outboxId),
        sorted.map(({ tries }) => tries),
        sorted.map(({ retryAt }) => retryAt),
        sorted.map(({ carrier }) => carrier),
        sorted.map(({ unknowns }) => unknowns),
        triesParameter(sorted.flatMap(({ ended }) => ended ?? [])),
        lapsesParameter(sorted),
        [...forwardTo],
      ]);
      for (const { retryAt } of settlements) if (retryAt !== null) marks = afterPuttingOff(marks, retryAt);
    },
    async nextDueAt(soon) {
      if (soon !== undefined) await refresh(soon.now, soon.now + soon.withinMs);
      const [row] = await db.rows<{ due_at: EpochMs | null }>(next, [
        soon === undefined ? marks.far : marks.near,
        marks.laterFrom,
      ]);
      return row!.due_at;
    },
  };
}
