import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";
import type { Settlement } from "../port/outbox.js";
import type { Store } from "../port/store.js";
import { type DueRow, isLiveChallenge, toMessage } from "../shared/rows.js";
import { challengeContact, claimant, countsForPerson, verifiedHolder } from "./people/holders.js";
import type { Writer } from "./writer.js";

type Operations = Store["outbox"];

/** A message's `due_at` is also the end of its lease: claiming sets it. */
export function createOutbox(db: Database, writer: Writer): Operations {
  // Prepares one statement for each limit; there are few limits. SQLite recompiles a statement with a bound limit at every
  // call, which costs several times the query itself.
  const dueAtMost = remembered((limit: number) =>
    db.prepare<{ now: EpochMs }, DueRow>(`
    SELECT m.outbox_id, m.tries + 1 AS tries, m.challenge_id, c.app_id, c.client_id, c.purpose, c.channel, c.contact_kind, c.contact_value,
      c.locale,
      CASE WHEN c.decoy = 0 AND ${isLiveChallenge("@now")} THEN c.sealed_code END AS sealed_code,
      c.expires_at, p.state IS NOT NULL AS has_user, p.state IS 'invited' AS invited
    FROM outbox m LEFT JOIN challenges c ON c.challenge_id = m.challenge_id
    LEFT JOIN memberships p ON p.app_id = c.app_id AND p.user_id = coalesce(c.user_id, ${verifiedHolder(challengeContact)},
      ${claimant({ ...challengeContact, condition: countsForPerson("false") })})
    WHERE m.due_at <= @now ORDER BY m.due_at LIMIT ${limit}`),
  );
  const lease = db.prepare<[EpochMs, number]>("UPDATE outbox SET due_at = ?, tries = tries + 1 WHERE outbox_id = ?");
  const finish = db.prepare<[number, number], { challenge_id: string }>(
    "DELETE FROM outbox WHERE outbox_id = ? AND tries = ? RETURNING challenge_id",
  );
  const eraseSpent = db.prepare<{ challengeId: string }>(`
    UPDATE challenges SET sealed_code = NULL
    WHERE challenge_id = @challengeId AND sends >= sends_max AND sealed_code IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM outbox WHERE challenge_id = @challengeId)`);
  const postpone = db.prepare<[EpochMs, number, number]>("UPDATE outbox SET due_at = ? WHERE outbox_id = ? AND tries = ?");
  const next = db.prepare<[], { due_at: EpochMs | null }>("SELECT min(due_at) AS due_at FROM outbox");

  function settle({ outboxId, tries, retryAt }: Settlement): void {
    if (retryAt !== null) {
      postpone.run(retryAt, outboxId, tries);
      return;
    }
    const row = finish.get(outboxId, tries);
    if (row !== undefined) eraseSpent.run({ challengeId: row.challenge_id });
  }

  return {
    claim({ now, leaseMs, limit }) {
      return writer.writeUnflushed(() => {
        const rows = dueAtMost(limit).all({ now });
        for (const row of rows) lease.run(now + leaseMs, row.outbox_id);
        return rows.map(toMessage);
      });
    },
    settle: (settlements) => writer.writeUnflushed(() => settlements.forEach(settle)),
    nextDueAt: () => writer.read(() => next.get()?.due_at ?? null),
  };
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
