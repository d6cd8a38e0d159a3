import type { Client } from "@connectrpc/connect";
import type { AuthService } from "../gen/client/latchkey/v1/auth_service_pb.js";
import type { Changes } from "./changes.js";
import { errorDetails } from "./connect-error-details.js";
import { dueness } from "./dueness.js";
import type { ErrorReasonName } from "./error-details.js";
import { randomKey } from "./random-key.js";
import { type Sleep, withRetries } from "./retries.js";
import { toStoredSession } from "./stored-session.js";
import type { StoredSession, TokenStore } from "./token-store.js";
import type { Turns } from "./turns.js";

/** The session to use. Null if signed out; `refusal` is the server's error if the server has just ended the session. */
export type Renewed = { readonly session: StoredSession } | { readonly session: null; readonly refusal: unknown };

export interface Renewal {
  /**
   * The stored session with a valid access token, renewed if necessary. Shortly before expiry the renewal runs in the background.
   * Throws only if the token has expired and the server can't be reached; the user stays signed in.
   */
  current(): Promise<Renewed>;
  /**
   * The stored session with a newer access token than `stale`. Concurrent callers share one RefreshToken call, also across pages.
   * Throws if the server can't be reached.
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

/** Longer than the server's limit of 10 s, so that the call is over on both sides before another page tries. */
const callTimeoutMs = 15_000;

/** The reasons that end the session. No other error ends it, whatever its status. */
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

  /** If the stored session has changed meanwhile (a sign-in, a sign-out, a page without Web Locks), the reply is dropped. */
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
      if (stored?.accessToken === next.accessToken) await changes.announce({ kind: "renewed", reason: null });
      return stored === null ? { session: null, refusal: null } : { session: stored };
    } catch (error) {
      const { reason } = errorDetails(error);
      if (!endings.has(reason)) throw error;
      // After a sign-out on this device, which was announced already, there is nothing to announce.
      let ended = false;
      const stored = await store.update((current) => {
        ended = current?.refreshToken === spent.refreshToken;
        return ended ? null : current;
      });
      if (stored !== null) return { session: stored };
      if (!ended) return { session: null, refusal: null };
      await changes.announce({ kind: "signed-out", reason: reason as ErrorReasonName });
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
        // The next call tries again. The error is thrown once the token has expired.
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
