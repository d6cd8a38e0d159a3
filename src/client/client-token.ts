import { dueness } from "./dueness.js";

/** A client token as the server gives it. */
export interface IssuedToken {
  readonly accessToken: string;
  /** Seconds. */
  readonly expiresIn: number;
}

export interface ClientToken {
  /**
   * A valid token, fetched or renewed if necessary. Shortly before expiry the renewal runs in the background. Throws only if there is
   * no valid token and the server gives none.
   */
  current(): Promise<string>;
  /** A newer token than `stale`. */
  renew(stale: string): Promise<string>;
}

interface Held {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: number;
  readonly accessTokenTtlMs: number;
}

/** Keeps one client token. Concurrent callers share one `issue`. A failure is not kept: the next caller tries again. */
export function createClientToken(issue: () => Promise<IssuedToken>, clock: () => number): ClientToken {
  let held: Held | null = null;
  let running: Promise<string> | null = null;

  async function fetchToken(): Promise<string> {
    // By this machine's clock from before the call, so that the token is never used after its end.
    const askedAt = clock();
    const { accessToken, expiresIn } = await issue();
    const accessTokenTtlMs = expiresIn * 1000;
    held = { accessToken, accessTokenTtlMs, accessTokenExpiresAt: askedAt + accessTokenTtlMs };
    return accessToken;
  }

  function fetchOnce(): Promise<string> {
    running ??= fetchToken().finally(() => {
      running = null;
    });
    return running;
  }

  return {
    async current() {
      if (held === null) return await fetchOnce();
      const kept = held;
      const { due, pressing } = dueness(kept, clock());
      if (!due) return kept.accessToken;
      const renewed = fetchOnce().catch((error: unknown) => {
        if (clock() < kept.accessTokenExpiresAt) return kept.accessToken;
        throw error;
      });
      if (pressing) return await renewed;
      // The next call tries again. The error is thrown once the token has expired.
      renewed.catch(() => {});
      return kept.accessToken;
    },
    async renew(stale) {
      return held !== null && held.accessToken !== stale ? held.accessToken : await fetchOnce();
    },
  };
}
