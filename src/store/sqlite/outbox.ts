import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";
import type { Settlement } from "../port/outbox.js";
import type { Store } from "../port/store.js";
import {
  type ContactChangeRow,
  contactChangeColumns,
  type DueRow,
  hasExpired,
  takesGuesses,
  withNotices,
} from "../shared/rows.js";
import { createTries } from "./messages/append.js";
import { challengeContact, claimant, countsForPerson, verifiedHolder } from "./people/holders.js";
import type { Writer } from "./writer.js";

type Operations = Store["outbox"];

const columns = "outbox_id, challenge_id, channel, due_at, tries, queued_at, carrier, unknowns, muted";

/**
 * A message's `due_at` is also the end of its lease: claiming sets it. Messages are scanned by id from the bottom. SQLite removes
 * ended messages at once, so a scan passes only those that are leased or due within a second.
 */
export function createOutbox(db: Database, writer: Writer): Operations {
  const messages = createTries(db);
  // Prepares one statement for each limit; there are few limits. SQLite recompiles a statement with a bound limit at every
  // call, which costs several times the query itself.
  const dueAtMost = remembered((limit: number) =>
    db.prepare<{ now: EpochMs }, DueRow & { put_off: number }>(`
    SELECT m.put_off, m.outbox_id, m.tries + 1 AS tries, m.queued_at, m.carrier, m.unknowns, m.muted, m.challenge_id, c.pool_id, c.app_id,
      c.client_id, c.purpose, coalesce(m.channel, c.channel) AS channel, c.contact_kind, c.contact_value, c.is_test, c.locale, c.words,
      CASE WHEN c.decoy = 0 AND ${takesGuesses("@now")} THEN c.sealed_code END AS sealed_code,
      c.expires_at, ${hasExpired("@now")} AS expired, p.user_id AS member_id, p.state IS 'invited' AS invited,
      m.tries > 0 AND EXISTS (SELECT 1 FROM messages t WHERE t.message_id = m.outbox_id AND t.status <> 'queued') AS ended
    FROM (
      SELECT * FROM (SELECT 0 AS put_off, ${columns} FROM outbox WHERE due_at <= @now ORDER BY outbox_id LIMIT ${limit})
      UNION ALL
      SELECT * FROM (SELECT 1 AS put_off, ${columns} FROM outbox_later WHERE due_at <= @now ORDER BY due_at LIMIT ${limit})
    ) m
    LEFT JOIN challenges c ON c.challenge_id = m.challenge_id
    LEFT JOIN memberships p ON p.app_id = c.app_id AND p.user_id = coalesce(c.user_id, ${verifiedHolder(challengeContact)},
      ${claimant({ ...challengeContact, condition: countsForPerson("false") })})
    ORDER BY m.due_at, m.outbox_id LIMIT ${limit}`),
  );
  const changeOf = db.prepare<[string], ContactChangeRow>(
    `SELECT ${contactChangeColumns} FROM contact_changes n WHERE n.change_id = ?`,
  );
  const leaseIn = (table: string) =>
    db.prepare<[EpochMs, number]>(`UPDATE ${table} SET due_at = ?, tries = tries + 1 WHERE outbox_id = ?`);
  const [leaseNew, leaseLater] = [leaseIn("outbox"), leaseIn("outbox_later")];
  const finishIn = (table: string) =>
    db.prepare<[number, number], { challenge_id: string }>(
      `DELETE FROM ${table} WHERE outbox_id = ? AND tries = ? RETURNING challenge_id`,
    );
  const [finishNew, finishLater] = [finishIn("outbox"), finishIn("outbox_later")];
  const eraseSpent = db.prepare<{ challengeId: string }>(`
    UPDATE challenges SET sealed_code = NULL
    WHERE challenge_id = @challengeId AND sends >= sends_max AND sealed_code IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM outbox WHERE challenge_id = @challengeId)
      AND NOT EXISTS (SELECT 1 FROM outbox_later WHERE challenge_id = @challengeId)`);
  const copyLater = db.prepare<PuttingOff>(`
    INSERT INTO outbox_later (${columns})
    SELECT outbox_id, challenge_id, channel, @retryAt, tries, queued_at, @carrier, @unknowns, muted FROM outbox
    WHERE outbox_id = @outboxId AND tries = @tries`);
  const remove = db.prepare<[number]>("DELETE FROM outbox WHERE outbox_id = ?");
  const postpone = db.prepare<PuttingOff>(`
    UPDATE outbox_later SET due_at = @retryAt, carrier = @carrier, unknowns = @unknowns
    WHERE outbox_id = @outboxId AND tries = @tries`);
  // Bounded, because a backlog may be long. A message behind this many others that are due later does not matter: leases are fewer.
  const next = db.prepare<[], { due_at: EpochMs | null }>(`
    SELECT min(due_at) AS due_at FROM (
      SELECT min(due_at) AS due_at FROM (SELECT due_at FROM outbox ORDER BY outbox_id LIMIT 10000)
      UNION ALL SELECT min(due_at) FROM outbox_later)`);

  function putOff(given: PuttingOff): void {
    if (copyLater.run(given).changes === 1) remove.run(given.outboxId);
    else postpone.run(given);
  }

  function finish(outboxId: number, tries: number): void {
    const row = finishNew.get(outboxId, tries) ?? finishLater.get(outboxId, tries);
    if (row !== undefined) eraseSpent.run({ challengeId: row.challenge_id });
  }

  function settle(settlement: Settlement, forwardTo: ReadonlySet<string>): void {
    const { outboxId, tries, retryAt, carrier, unknowns, ended, lapsed } = settlement;
    if (retryAt === null) finish(outboxId, tries);
    else putOff({ outboxId, tries, retryAt, carrier, unknowns });
    if (ended !== null) messages.append(ended, forwardTo);
    if (lapsed !== undefined) messages.lapse(outboxId, lapsed, forwardTo);
  }

  return {
    claim({ now, leaseMs, limit }) {
      return writer.writeUnflushed(() => {
        const rows = dueAtMost(limit).all({ now });
        for (const row of rows) (row.put_off === 1 ? leaseLater : leaseNew).run(now + leaseMs, row.outbox_id);
        return withNotices(
          rows,
          rows.flatMap((row) => (row.pool_id === null ? (changeOf.get(row.challenge_id) ?? []) : [])),
        );
      });
    },
    settle: (settlements, forwardTo = new Set()) =>
      writer.writeUnflushed(() => {
        for (const settlement of settlements) settle(settlement, forwardTo);
      }),
    nextDueAt: () => writer.read(() => next.get()?.due_at ?? null),
  };
}

interface PuttingOff extends Pick<Settlement, "outboxId" | "tries" | "carrier" | "unknowns"> {
  readonly retryAt: EpochMs;
}

/** Returns a function that calls `make` once for each number. */
function remembered<T>(make: (n: number) => T): (n: number) => T {
  const made = new Map<number, T>();
  return (n) => {
    const value = made.get(n) ?? make(n);
    made.set(n, value);
    return value;
  };
}
