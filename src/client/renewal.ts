import type { Client } from "@connectrpc/connect";
import type { AuthService } from "../gen/latchkey/v1/auth_service_pb.js";
import type { Changes } from "./changes.js";
import { errorDetails } from "./connect-error-details.js";
import type { ErrorReasonName } from "./error-details.js";
import { randomKey } from "./random-key.js";
import { type Sleep, withRetries } from "./retries.js";
import { toStoredSession } from "./stored-session.js";
import type { StoredSession, TokenStore } from "./token-store.js";
import type { Turns } from "./turns.js";

/** A session to call with; or none, and the server's refusal if it is the server that ended it. */
export type Renewed = { readonly session: StoredSession } | { readonly session: null; readonly refusal: unknown };

export interface Renewal {
  /**
   * The stored session with an access token that has not expired, renewed if it must be. Shortly before it must be, it is renewed
   * behind the caller's back. Throws only if no usable token is left and the server can't be reached: that is not a sign-out.
   */
  current(): Promise<Renewed>;
  /**
   * The stored session with another access token than `stale`. Any number of concurrent callers, in any number of pages, make one
   * RefreshToken call. Throws if the server can't be reached.
   */
  renew(stale: string): Promise<Renewed>;
}

export interface RenewalParts {
  readonly store: TokenStore;
  readonly turns: Turns;
  readonly changes: Changes;
  readonly refreshToken: Client<typeof AuthService>["refreshToken"];
  readonly clock: () => number;
  readonly sleep: Sleep;
}

/** Longer than the 10 s that the server gives any call: past it the call is over on both sides, and another page may try. */
const callTimeoutMs = 15_000;

/** Clocks that keep time step by less. */
const clockStepMs = 5000;

/** The refusals of RefreshToken that end a sign-in. No other error does, whatever its status. */
const endings: ReadonlySet<string | null> = new Set<ErrorReasonName>(["SESSION_ENDED", "REFRESH_TOKEN_REUSED", "SESSION_LOST"]);

export function createRenewal(parts: RenewalParts): Renewal {
  const { store, turns, changes, clock, sleep } = parts;
  let running: { readonly stale: string; readonly result: Promise<Renewed> } | null = null;

  function renew(stale: string): Promise<Renewed> {
    if (running?.stale === stale) return running.result;
    const mine = { stale, result: turns(() => renewInTurn(stale)) };
    running = mine;
    const done = () => {
      if (running === mine) running = null;
    };
    mine.result.then(done, done);
    return mine.result;
  }

  async function renewInTurn(stale: string): Promise<Renewed> {
    const stored = await store.update((current) => {
      if (current?.accessToken !== stale || current.pendingRefreshKey !== null) return current;
      return { ...current, pendingRefreshKey: randomKey() };
    });
    if (stored === null) return { session: null, refusal: null };
    return stored.accessToken === stale ? await exchange(stored) : { session: stored };
  }

  /** What was stored meanwhile, by a sign-in, a sign-out or a page without Web Locks, is newer than the reply and stays. */
  async function exchange(spent: StoredSession): Promise<Renewed> {
    const request = { refreshToken: spent.refreshToken, idempotencyKey: spent.pendingRefreshKey ?? "" };
    let askedAt = clock();
    try {
      const { tokens } = await withRetries(() => {
        askedAt = clock();
        return parts.refreshToken(request, { timeoutMs: callTimeoutMs });
      }, sleep);
      const next = toStoredSession(tokens, { userId: spent.userId, askedAt });
      const stored = await store.update((current) => (current?.refreshToken === spent.refreshToken ? next : current));
      if (stored?.accessToken === next.accessToken) await changes.tell({ kind: "renewed", reason: null });
      return stored === null ? { session: null, refusal: null } : { session: stored };
    } catch (error) {
      const { reason } = errorDetails(error);
      if (!endings.has(reason)) throw error;
      // A sign-out on this device may have come first: then it was told already, and the server only followed.
      let ended = false;
      const stored = await store.update((current) => {
        ended = current?.refreshToken === spent.refreshToken;
        return ended ? null : current;
      });
      if (stored !== null) return { session: stored };
      if (!ended) return { session: null, refusal: null };
      await changes.tell({ kind: "signed-out", reason: reason as ErrorReasonName });
      return { session: null, refusal: error };
    }
  }

  return {
    renew,
    async current() {
      const session = await store.read();
      if (session === null) return { session, refusal: null };
      const { due, pressing } = dueness(session, clock());
      if (!due) return { session };
      const renewed = renew(session.accessToken);
      if (!pressing) {
        // Whoever comes next tries again, and learns of a failure once there is no token left to use.
        renewed.catch(() => {});
        return { session };
      }
      return await renewed.catch((error: unknown) => {
        if (clock() < session.accessTokenExpiresAt) return { session };
        throw error;
      });
    },
  };
}

/**
 * Due in the last fifth of the token's life, at most its last minute; pressing in the last twentieth, at most 10 s, which is about
 * what a call on its way may take. A clock that was set back makes a token look younger than it was when it came: pressing too.
 */
function dueness(session: StoredSession, now: number): { due: boolean; pressing: boolean } {
  const leftMs = session.accessTokenExpiresAt - now;
  const ttlMs = session.accessTokenTtlMs;
  const pressing = leftMs <= Math.min(10_000, ttlMs / 20) || leftMs > ttlMs + clockStepMs;
  return { due: pressing || leftMs <= Math.min(60_000, ttlMs / 5), pressing };
}
