import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";
import { endQueued } from "../shared/message-rows.js";

/** Smaller steps back come from NTP, and from several processes reading one clock. */
const toleranceMs = 2_000;
/** How far the mark may lag while a challenge is live or has just expired. */
const markedEveryMs = 1_000;
/** How far the mark may lag otherwise, so that an idle server writes little. */
const markedIdlyEveryMs = 10_000;
/** Upper bounds of the grace period of a spent refresh token, and of the time for which a sign-in counts as recent. */
const graceMaxMs = 60_000;
const recentMaxMs = 10 * 60_000;
/** Codes are set to have expired this long ago, so that calls that read the clock just before see them as expired too. */
const endedAgoMs = 60_000;
/** How long the outcome of a call is remembered after its challenge expires. */
const rememberedMs = 60 * 60_000;

/**
 * Reads the clock in the transaction of a write and keeps the highest time in the database. It also notices a clock that was
 * set back while the process was not running. It then ends, in the same transaction, everything that would otherwise live too
 * long because the same time comes again: all codes end, budget units that would lie in the future count as spent now, and a
 * session lives no longer than if it were used now.
 * Returns how many milliseconds the clock was set back; 0 means not at all.
 */
export function createClockMark(db: Database, clock: () => EpochMs): () => number {
  const read = db.prepare<[], EpochMs>("SELECT high FROM clock_mark WHERE only_row = 1").pluck();
  const write = db.prepare<[EpochMs]>("UPDATE clock_mark SET high = ? WHERE only_row = 1");
  const lately = db.prepare<[EpochMs]>("SELECT 1 FROM challenges WHERE expires_at > ? LIMIT 1").pluck();
  const mends = [...endings, ...clampings].map((sql) => db.prepare<{ now: EpochMs; high: EpochMs }>(sql));

  return () => {
    const now = clock();
    const high = read.get()!;
    const aheadMs = now - high;
    const isBack = aheadMs < -toleranceMs;
    if (isBack) for (const mend of mends) mend.run({ now, high });
    const isDue =
      aheadMs >= markedEveryMs && (aheadMs >= markedIdlyEveryMs || lately.get(high - markedIdlyEveryMs) !== undefined);
    if (isBack || isDue) write.run(now);
    return isBack ? -aheadMs : 0;
  };
}

const endings = [
  `UPDATE challenges SET expires_at = @now - ${endedAgoMs} WHERE expires_at > @now - ${endedAgoMs}`,
  `UPDATE registrations SET expires_at = @now - ${endedAgoMs} WHERE expires_at > @now - ${endedAgoMs}`,
  `UPDATE idempotency SET expires_at = @now + ${rememberedMs} WHERE expires_at > @now + ${rememberedMs}`,
  "DELETE FROM outbox",
  "DELETE FROM outbox_later",
  endQueued,
  "DELETE FROM sessions WHERE idle_expires_at <= @high",
];

const lastSpent = "coalesce(json_extract(spent, '$[#-1]'), 0)";

/**
 * A hold and a lockout keep their remaining time. A session keeps its lifetimes. They count from now where they would count from a future
 * time.
 */
const clampings = [
  `UPDATE budgets SET
    spent = (SELECT json_group_array(min(value, @now) ORDER BY value) FROM json_each(spent)),
    hold_until = min(hold_until, max(@now, hold_until - (@high - @now))),
    expires_at = expires_at - max(0, ${lastSpent} - @now)
  WHERE ${lastSpent} > @now OR hold_until > @now`,
  `UPDATE lockouts SET locked_until = max(0, locked_until - (@high - @now)), expires_at = expires_at - (@high - @now)
  WHERE expires_at > @now`,
  `UPDATE sessions SET
    created_at = min(created_at, @now - ${recentMaxMs}),
    last_used_at = min(last_used_at, @now - ${graceMaxMs}),
    idle_expires_at = min(idle_expires_at - max(0, last_used_at - @now), expires_at - max(0, created_at - @now)),
    expires_at = expires_at - max(0, created_at - @now)
  WHERE last_used_at > @now - ${recentMaxMs}`,
];
