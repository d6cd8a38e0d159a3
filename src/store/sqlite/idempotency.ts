import type { Database } from "better-sqlite3";
import type { ContactKind } from "../../model/contact.js";
import type { EpochMs } from "../../model/time.js";
import { keptAfterExpiryMs } from "../rules/kept.js";

/**
 * What is remembered of a redemption: its session, or its user if it started none, whether it created the user, and the contacts
 * left to prove.
 */
export interface RememberedRedemption {
  readonly sessionId: string | null;
  readonly userId: string | null;
  readonly isNewUser: boolean;
  readonly usernameTaken: boolean;
  readonly pendingSources: readonly ContactKind[];
}

export const nothingRemembered: RememberedRedemption = {
  sessionId: null,
  userId: null,
  isNewUser: false,
  usernameTaken: false,
  pendingSources: [],
};

/** What is remembered of a call: ids, never contents. */
export type Outcome =
  | { readonly kind: "challenges"; readonly challengeIds: readonly string[] }
  | ({ readonly kind: "redeemed"; readonly challengeId: string } & RememberedRedemption);

export interface Idempotency {
  find(mac: Uint8Array | null, now: EpochMs): Outcome | null;
  /** Keeps the outcome of a call until an hour after its challenge expires. Does nothing without a `mac`. */
  remember(mac: Uint8Array | null, outcome: Outcome, challengeExpiresAt: EpochMs): void;
}

export function createIdempotency(db: Database): Idempotency {
  const select = db.prepare<[Uint8Array, EpochMs], { outcome: string }>(
    "SELECT outcome FROM idempotency WHERE mac = ? AND expires_at > ?",
  );
  const insert = db.prepare<[Uint8Array, string, EpochMs]>(`
    INSERT INTO idempotency (mac, outcome, expires_at) VALUES (?, ?, ?)
    ON CONFLICT (mac) DO UPDATE SET outcome = excluded.outcome, expires_at = excluded.expires_at`);
  return {
    find(mac, now) {
      const row = mac === null ? undefined : select.get(mac, now);
      return row === undefined ? null : (JSON.parse(row.outcome) as Outcome);
    },
    remember(mac, outcome, challengeExpiresAt) {
      if (mac !== null) insert.run(mac, JSON.stringify(outcome), challengeExpiresAt + keptAfterExpiryMs);
    },
  };
}
