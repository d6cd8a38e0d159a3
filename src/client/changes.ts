import type { ErrorReasonName } from "./error-details.js";
import type { StoredSession, TokenStore } from "./token-store.js";

/** The sign-in as an app may know it: no tokens. */
export interface SignedIn {
  readonly sessionId: string;
  readonly userId: string;
  /** Until when the session can be renewed if it is not renewed before: milliseconds since 1970, by the server's clock. */
  readonly renewableUntil: number;
}

/** What happened to the sign-in, in this page or in another one of the origin. */
export interface SessionChange {
  readonly kind: "signed-in" | "renewed" | "signed-out";
  /** The sign-in as it is now. */
  readonly session: SignedIn | null;
  /** Why the server ended the session. Null: it did not. */
  readonly reason: ErrorReasonName | null;
}

type News = Pick<SessionChange, "kind" | "reason">;

/** Tells listeners of this page, and through a BroadcastChannel those of other pages, that the stored sign-in changed. */
export interface Changes {
  tell(news: News): Promise<void>;
  /** Gives back what ends the listening. A listener's exception is its own: it disturbs neither the call nor other listeners. */
  listen(listener: (change: SessionChange) => void): () => void;
  close(): void;
}

export function createChanges(store: TokenStore, name: string): Changes {
  const listeners = new Set<(change: SessionChange) => void>();
  const channel = store.shared && typeof BroadcastChannel !== "undefined" ? new BroadcastChannel(name) : null;

  /** The channel carries no token, so that what a listener is told is always what is stored. */
  async function deliver({ kind, reason }: News): Promise<void> {
    if (listeners.size === 0) return;
    const change: SessionChange = { kind, reason, session: toSignedIn(await store.read()) };
    for (const listener of listeners) queueMicrotask(() => listener(change));
  }

  channel?.addEventListener("message", (event: MessageEvent<News>) => {
    // A store that fails to read says so to whoever calls next; there is nobody to tell here.
    deliver(event.data).catch(() => {});
  });

  return {
    async tell(news) {
      channel?.postMessage(news);
      await deliver(news);
    },
    listen(listener) {
      // One entry for each call, so that a function listening twice can stop once.
      const entry = (change: SessionChange) => listener(change);
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
    close() {
      listeners.clear();
      channel?.close();
    },
  };
}

export function toSignedIn(session: StoredSession | null): SignedIn | null {
  if (session === null) return null;
  return { sessionId: session.sessionId, userId: session.userId, renewableUntil: session.refreshTokenExpiresAt };
}
