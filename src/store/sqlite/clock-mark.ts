import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";

/** Smaller steps are what NTP and several processes' readings of one clock come to. */
const toleranceMs = 2_000;
/** How far the mark may be behind while a challenge is live or ended a moment ago. */
const markedEveryMs = 1_000;
/** How far otherwise: an idle server has little to write. */
const markedIdlyEveryMs = 10_000;
/** No grace of a spent refresh token is longer, and no sign-in is called recent for longer. */
const graceMaxMs = 60_000;
const recentMaxMs = 10 * 60_000;
/** Codes end this long ago, so that they are ended for calls too that read the clock just before. */
const endedAgoMs = 60_000;
/** How long the outcome of a call is remembered after its challenge has ended. */
const rememberedMs = 60 * 60_000;

/**
 * Reads the clock in the transaction of a write and keeps the highest time in the database. When the clock was set back, whether the
 * process was running or not, it ends in the same transaction what would live or be forgotten by the time that comes again: all codes
 * end, units of budgets that would lie ahead count as spent now, and sessions get no longer life than a use now would give them.
 * Returns how far the clock was set back; 0 means not at all.
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
  "DELETE FROM sessions WHERE idle_expires_at <= @high",
];

const lastSpent = "coalesce(json_extract(spent, '$[#-1]'), 0)";

/** A hold keeps what was left of it. A session keeps its lifetimes, counted from now where they would count from a time ahead. */
const clampings = [
  `UPDATE budgets SET
    spent = (SELECT json_group_array(min(value, @now) ORDER BY value) FROM json_each(spent)),
    hold_until = min(hold_until, max(@now, hold_until - (@high - @now))),
    expires_at = expires_at - max(0, ${lastSpent} - @now)
  WHERE ${lastSpent} > @now OR hold_until > @now`,
  `UPDATE sessions SET
    created_at = min(created_at, @now - ${recentMaxMs}),
    last_used_at = min(last_used_at, @now - ${graceMaxMs}),
    idle_expires_at = min(idle_expires_at - max(0, last_used_at - @now), expires_at - max(0, created_at - @now)),
    expires_at = expires_at - max(0, created_at - @now)
  WHERE last_used_at > @now - ${recentMaxMs}`,
];
