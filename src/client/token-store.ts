/** The session as stored on the device. Plain data that a store may clone. It contains secrets. */
export interface StoredSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly accessToken: string;
  /** Milliseconds since 1970, by this device's clock: the time of the request plus the token's lifetime. */
  readonly accessTokenExpiresAt: number;
  readonly accessTokenTtlMs: number;
  readonly refreshToken: string;
  /** Milliseconds since 1970, by the server's clock. For display only. */
  readonly refreshTokenExpiresAt: number;
  /**
   * The idempotency key of a running exchange of `refreshToken`. It is stored before the call and replaced together with the token.
   * After a lost reply, a crash or a reload the client repeats the call with this key and gets the same new tokens.
   */
  readonly pendingRefreshKey: string | null;
}

/**
 * Where a client stores its session. Do not build one on localStorage: every script of the page can read it, and it has no atomic
 * update. Storage errors reach the caller unchanged: a session that can't be read does not mean that the user is signed out.
 */
export interface TokenStore {
  /** True if other pages of this origin use the same storage. They then take turns and announce changes to each other. */
  readonly shared: boolean;
  /** Null if the user is signed out. */
  read(): Promise<StoredSession | null>;
  /**
   * Replaces the stored session with the result of `change` and returns it; null deletes. Atomic: concurrent updates run one after
   * the other, also between pages. Resolves once the change is durable. `change` is synchronous and may run more than once.
   */
  update(change: (current: StoredSession | null) => StoredSession | null): Promise<StoredSession | null>;
}

/** Stores the session in memory, for one user, until the process or page ends. The default outside browsers. */
export function memoryTokenStore(initial: StoredSession | null = null): TokenStore {
  let stored = initial;
  return {
    shared: false,
    read: async () => stored,
    update: async (change) => {
      stored = change(stored);
      return stored;
    },
  };
}
