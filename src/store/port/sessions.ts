import type { Session } from "../../model/session.js";
import type { EpochMs } from "../../model/time.js";
import type { User } from "../../model/user.js";

export interface LiveSession {
  readonly session: Session;
  readonly user: User;
}

export type RotateOutcome =
  | { readonly kind: "rotated"; readonly session: Session }
  | { readonly kind: "replayed"; readonly session: Session }
  /** An older token than the grace allows was presented. The session is revoked. */
  | { readonly kind: "reused"; readonly sessionId: string }
  /** A newer token than the database knows was presented. The session is revoked. */
  | { readonly kind: "lost"; readonly sessionId: string }
  /** Unknown, revoked, expired or another client's. Nothing changed. */
  | { readonly kind: "ended" };

/** Sessions and their refresh tokens. */
export interface Sessions {
  /**
   * Spends a refresh token: of racers with one generation exactly one gets `rotated`. The others get `replayed`, the same
   * successor, if they present the immediate predecessor within `graceMs` of its rotation, or with the `idempotency` that it was
   * rotated with for as long as the successor is unused; anything older is `reused`, and by then the session is revoked.
   */
  rotate(change: {
    readonly family: Uint8Array;
    readonly generation: number;
    readonly clientId: string;
    readonly idempotency: Uint8Array | null;
    readonly graceMs: number;
    readonly idleMs: number;
    readonly now: EpochMs;
  }): Promise<RotateOutcome>;

  /** The session and its user, if it is neither revoked nor expired. */
  findLive(query: { readonly sessionId: string; readonly now: EpochMs }): Promise<LiveSession | null>;

  /** Live sessions of a user, most recently used first. */
  list(query: { readonly userId: string; readonly now: EpochMs }): Promise<readonly Session[]>;

  /** Revokes the session of a refresh token family, if it is the client's. False: there was nothing live to revoke. */
  revokeFamily(change: { readonly family: Uint8Array; readonly clientId: string; readonly now: EpochMs }): Promise<boolean>;

  /** Revokes a session, if it is the user's. False: there was nothing live to revoke. Final once it resolved. */
  revoke(change: { readonly sessionId: string; readonly userId: string; readonly now: EpochMs }): Promise<boolean>;

  /** Revokes all live sessions of a user but one; gives how many. */
  revokeOthers(change: { readonly userId: string; readonly keepSessionId: string; readonly now: EpochMs }): Promise<number>;
}
