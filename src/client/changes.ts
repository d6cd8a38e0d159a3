import type { ErrorReasonName } from "./error-details.js";
import type { StoredSession, TokenStore } from "./token-store.js";

/** The stored session without its tokens. */
export interface SignedIn {
  readonly sessionId: string;
  readonly userId: string;
  /** When the session ends unless it is renewed: milliseconds since 1970, by the server's clock. */
  readonly renewableUntil: number;
}

/** A change of the stored session, made by this page or by another page of the same origin. */
export interface SessionChange {
  readonly kind: "signed-in" | "renewed" | "signed-out";
  /** The session after the change. Null if the user is signed out. */
  readonly session: SignedIn | null;
  /** Why the server ended the session. Null unless the server ended it. */
  readonly reason: ErrorReasonName | null;
}

type Announcement = Pick<SessionChange, "kind" | "reason">;

/** Announces changes of the stored session: to listeners in this page, and to other pages through a BroadcastChannel. */
export interface Changes {
  announce(announcement: Announcement): Promise<void>;
  /** Returns a function that removes the listener. An exception in a listener affects neither the call nor other listeners. */
  listen(listener: (change: SessionChange) => void): () => void;
  close(): void;
}

export function createChanges(store: TokenStore, name: string): Changes {
  const listeners = new Set<(change: SessionChange) => void>();
  const channel = store.shared && typeof BroadcastChannel !== "undefined" ? new BroadcastChannel(name) : null;

  /** The channel carries no tokens; each page reads the session from the store. */
  async function deliver({ kind, reason }: Announcement): Promise<void> {
    if (listeners.size === 0) return;
    const change: SessionChange = { kind, reason, session: toSignedIn(await store.read()) };
    for (const listener of listeners) queueMicrotask(() => listener(change));
  }

  channel?.addEventListener("message", (event: MessageEvent<Announcement>) => {
    // The next call reads the store again and throws; no caller waits here.
    deliver(event.data).catch(() => {});
  });

  return {
    async announce(announcement) {
      channel?.postMessage(announcement);
      await deliver(announcement);
    },
    listen(listener) {
      // A wrapper for each call: the same function may be added twice and removed once.
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
