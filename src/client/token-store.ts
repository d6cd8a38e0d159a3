/** A sign-in as it is kept on the device. Plain data: stores may clone it, and must keep it as the secret it is. */
export interface StoredSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly accessToken: string;
  /** By this device's clock: when the token was asked for, plus its lifetime. */
  readonly accessTokenExpiresAt: number;
  readonly accessTokenTtlMs: number;
  readonly refreshToken: string;
  /** By the server's clock; for display only. */
  readonly refreshTokenExpiresAt: number;
  /**
   * The idempotency key under which `refreshToken` is being exchanged. It is stored before the call and leaves with the token it
   * belongs to, so that whoever finds it here, after a lost reply, a crash or a reload, asks again and gets the same successor.
   */
  readonly pendingRefreshKey: string | null;
}

/**
 * Where a client keeps its sign-in. Never localStorage, which every script of a page reads in one line and which can't be updated
 * atomically. Errors of the storage are thrown as they are: a sign-in that can't be read is not a signed-out user.
 */
export interface TokenStore {
  /** True: other pages of this origin use the same storage, so that they must take turns and tell each other of changes. */
  readonly shared: boolean;
  /** Null: signed out. */
  read(): Promise<StoredSession | null>;
  /**
   * Replaces what is stored by what `change` makes of it and gives that back; null deletes. One atomic step: of concurrent
   * updates, from whatever page, each sees what the one before it stored. Resolves once it is durable. `change` is synchronous
   * and may be called more than once.
   */
  update(change: (current: StoredSession | null) => StoredSession | null): Promise<StoredSession | null>;
}

/** Keeps the sign-in as long as the process or page lives. The default outside browsers; one store is one user. */
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
