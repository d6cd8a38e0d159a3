import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";
import type { Limited } from "../port/budgets.js";
import type { SendGuard } from "../port/challenges.js";
import type { Budgets, Grantable } from "./budgets.js";

interface PlaceRow {
  requester_key: Buffer;
  expires_at: EpochMs;
  ended: number;
}

/**
 * Checks the limits of new challenges inside the caller's transaction. Returns what each guard grants, or the earliest time at
 * which all of them grant. So a caller that waits until `retryAt` is not refused again.
 */
export type CheckGuards = (guards: readonly SendGuard[], now: EpochMs) => Grantable[][] | Limited;

export function createCheckGuards(db: Database, budgets: Budgets): CheckGuards {
  // Ignore challenges made a whole lifetime ahead: they date from before the clock was set back.
  const placesOf = db.prepare<{ identifierKey: Uint8Array; purpose: string; now: EpochMs }, PlaceRow>(`
    SELECT c.requester_key, c.expires_at, coalesce(c.consumed_at, c.cancelled_at) IS NOT NULL AS ended FROM challenges c
    WHERE c.identifier_key = @identifierKey AND c.purpose = @purpose AND c.expires_at > @now
      AND 2 * c.created_at - c.expires_at < @now ORDER BY c.expires_at`);

  /** Returns when there is a place for another challenge. 0 means now. */
  function placeFreeAt(live: SendGuard["live"], now: EpochMs): EpochMs {
    const { identifierKey, requesterKey, purpose } = live;
    const rows = placesOf.all({ identifierKey, purpose, now });
    const own = rows.filter((row) => row.ended === 0 && row.requester_key.equals(requesterKey));
    return Math.max(freeAt(rows, live.totalMax), freeAt(own, live.perRequesterMax));
  }

  return (guards, now) => {
    const granted: Grantable[][] = [];
    let limited: Limited = { kind: "limited", retryAt: 0 };
    for (const guard of guards) {
      const checked = budgets.check(guard.charges, now);
      const placeAt = placeFreeAt(guard.live, now);
      if (placeAt > limited.retryAt) limited = { kind: "limited", retryAt: placeAt };
      if (!("kind" in checked)) granted.push(checked);
      else if (checked.retryAt > limited.retryAt) limited = checked;
    }
    return limited.retryAt > now ? limited : granted;
  };
}

/** `rows` are ordered by expiry. Returns when fewer than `max` of them are left. */
function freeAt(rows: readonly PlaceRow[], max: number): EpochMs {
  return rows[rows.length - max]?.expires_at ?? 0;
}
