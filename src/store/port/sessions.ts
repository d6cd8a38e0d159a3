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
  /** The token was spent before and its grace period is over. The session is revoked. */
  | { readonly kind: "reused"; readonly sessionId: string }
  /** The token is newer than the database, as after restoring a backup. The session is revoked. */
  | { readonly kind: "lost"; readonly sessionId: string }
  /** The session is unknown, revoked, expired or another client's. Nothing changed. */
  | { readonly kind: "ended" };

/** Sessions and their refresh tokens. */
export interface Sessions {
  /**
   * Spends a refresh token. Of concurrent calls with one generation exactly one gets `rotated`. A call with the token just
   * spent gets `replayed` with the same successor if it comes within `graceMs` of the rotation, or if it has the rotation's
   * `idempotency` and the successor is unused. Any older token gets `reused`, and its session is revoked by the time the
   * promise resolves (RFC 9700 §4.14.2).
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

  /** Returns the session and its user, or null if the session is revoked or expired. */
  findLive(query: { readonly sessionId: string; readonly now: EpochMs }): Promise<LiveSession | null>;

  /** As `findLive`, by the hash of the session's credential. */
  findByCredential(query: { readonly credentialHash: Uint8Array; readonly now: EpochMs }): Promise<LiveSession | null>;

  /** As `findLive`, by the family of the session's refresh tokens. */
  findByFamily(query: { readonly family: Uint8Array; readonly now: EpochMs }): Promise<LiveSession | null>;

  /**
   * Records that a live session with a credential is in use and moves its idle end, never back and never beyond the session's
   * end. Does nothing to any other session: the grace period of a refresh token counts from `lastUsedAt`. Not flushed.
   */
  touch(change: { readonly sessionId: string; readonly idleExpiresAt: EpochMs; readonly now: EpochMs }): Promise<void>;

  /** Returns the live sessions of a user in an app, most recently used first. May be a moment old where standbys serve reads. */
  list(query: { readonly userId: string; readonly appId: string; readonly now: EpochMs }): Promise<readonly Session[]>;

  /**
   * Revokes the sessions of a client among the next `limit` sessions after the id `after`; empty for the first ones. No index
   * finds them, so the caller goes on with `next` until it is null.
   */
  revokeOfClient(change: {
    readonly clientId: string;
    readonly after: string;
    readonly limit: number;
  }): Promise<{ readonly revoked: number; readonly next: string | null }>;

  /** Revokes the client's session with this refresh token family. Returns false if there is no such live session. */
  revokeFamily(change: { readonly family: Uint8Array; readonly clientId: string; readonly now: EpochMs }): Promise<boolean>;

  /** Revokes a session of the user in the app. Returns false if there is no such live session. Final when the promise resolves. */
  revoke(change: {
    readonly sessionId: string;
    readonly userId: string;
    readonly appId: string;
    readonly now: EpochMs;
  }): Promise<boolean>;

  /** Revokes all live sessions of a user in an app, or all except one. Returns how many it revoked. */
  revokeOthers(change: {
    readonly userId: string;
    readonly appId: string;
    readonly keepSessionId: string | null;
    readonly now: EpochMs;
  }): Promise<number>;
}
