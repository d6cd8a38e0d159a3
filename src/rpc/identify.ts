import type { Directory, Registered } from "../apps/directory.js";
import { presentScopes } from "../auth/client-token.js";
import type { Deps } from "../auth/deps.js";
import { AuthError } from "../auth/errors.js";
import { sessionCredentialHash } from "../crypto/session-credential.js";
import type { ClientClaims } from "../crypto/token-claims.js";
import type { SessionCookie } from "../model/caller.js";
import type { Scope } from "../model/scope.js";
import type { EpochMs } from "../model/time.js";
import type { LiveSession } from "../store/port/sessions.js";
import type { Store } from "../store/port/store.js";
import type { CallContext } from "./call-context.js";
import { type ClientAuthentication, mayCallFrom } from "./client-authentication.js";
import type { Presented } from "./credentials.js";

/** The caller that credentials prove. */
export interface Identity {
  readonly registered: Registered;
  /** The scopes of a client that authenticated itself. Null: it did not. */
  readonly scopes: ReadonlySet<Scope> | null;
  /** The session of a user. Null: a client calls for itself. */
  readonly live: LiveSession | null;
}

export interface IdentifyDeps extends Pick<Deps, "clock" | "log"> {
  readonly store: { readonly sessions: Pick<Store["sessions"], "findLive" | "findByCredential" | "touch"> };
  readonly accessTokens: Pick<Deps["accessTokens"], "verifyAccess">;
  readonly directory: Directory;
  readonly clients: ClientAuthentication;
}

/** Checks credentials. */
export interface Identify {
  /** Throws TOKEN_INVALID, CLIENT_INVALID or TOO_MANY_REQUESTS. */
  byHeaders(presented: Exclude<Presented, { kind: "none" }>, context: CallContext): Promise<Identity>;
  /**
   * Returns null if the cookie's session has ended, its client is gone, or it is of another client than the named one: the browser
   * sends its cookie to every app on this host. Throws TOKEN_INVALID if the caller sent several cookies.
   */
  byCookie(cookie: SessionCookie, named: Registered | null): Promise<Identity | null>;
}

export function createIdentify(deps: IdentifyDeps): Identify {
  const { directory, store } = deps;
  const touch = createTouch(deps);

  /** A session of another client than the named one is not kept alive. */
  async function byCredential(credentialHash: Uint8Array, named: Registered | null): Promise<Identity | null> {
    const now = deps.clock();
    const live = await store.sessions.findByCredential({ credentialHash, now });
    if (live === null) return null;
    const { clientId } = live.session;
    if (named !== null && named.client.clientId !== clientId) return null;
    const identity = ofUser(await directory.lookUp(clientId), live);
    if (identity !== null) touch(live, identity.registered.app.policy.refreshIdleMs, now);
    return identity;
  }

  return {
    async byHeaders(presented, context) {
      switch (presented.kind) {
        case "token": {
          const now = deps.clock();
          const claims = await deps.accessTokens.verifyAccess(presented.token, now);
          if (claims === null) throw tokenInvalid("not a good access token");
          const { clientId } = claims;
          const registered = await directory.lookUp(clientId);
          if (registered?.app.audience !== claims.audience) throw tokenInvalid("the token's client is gone, or of another app");
          if (claims.kind === "client") return ofClient(registered, claims, context.address);
          const live = await store.sessions.findLive({ sessionId: claims.sessionId, now });
          if (live === null) throw tokenInvalid("the session has ended");
          if (live.session.userId !== claims.userId || live.session.clientId !== registered.client.clientId) {
            throw tokenInvalid("the session is another user's or client's");
          }
          const identity = ofUser(registered, live);
          if (identity === null) throw tokenInvalid("the session is another app's");
          return identity;
        }
        case "session": {
          const identity = await byCredential(presented.credentialHash, null);
          if (identity === null) throw tokenInvalid("not the credential of a live session");
          return identity;
        }
        case "client": {
          const registered = await deps.clients.authenticate(presented.credentials, context.address);
          return { registered, scopes: registered.client.scopes, live: null };
        }
        case "unreadable":
          throw tokenInvalid("several credentials, or one of an unknown form");
      }
    },
    async byCookie({ credential }, named) {
      if (credential === null) throw tokenInvalid("several session cookies");
      const credentialHash = credential === undefined ? null : sessionCredentialHash(credential);
      return credentialHash === null ? null : await byCredential(credentialHash, named);
    },
  };
}

export function tokenInvalid(detail: string): AuthError {
  return new AuthError("TOKEN_INVALID", { detail });
}

/** Returns null if the session's client is gone. Its id may name a client of another app by now, so the app is compared too. */
function ofUser(registered: Registered | null, live: LiveSession): Identity | null {
  return registered?.app.appId === live.session.appId ? { registered, scopes: null, live } : null;
}

function ofClient(registered: Registered, claims: ClientClaims, address: string): Identity {
  const { client } = registered;
  const scopes = presentScopes(claims, client);
  if (typeof scopes === "string") throw tokenInvalid(scopes);
  if (!mayCallFrom(client, address))
    throw new AuthError("CLIENT_INVALID", { detail: "the client may not call from this address" });
  return { registered, scopes: new Set(scopes), live: null };
}

/** How often a use is recorded: once a minute, and at least ten times within the idle time, so that a used session never ends. */
function touchEveryMs(idleMs: number): number {
  return Math.min(60_000, idleMs / 10);
}

/** Keeps a used session alive. No call waits for it or fails because of it. */
function createTouch({ store, log }: IdentifyDeps): (live: LiveSession, idleMs: number, now: EpochMs) => void {
  const touching = new Set<string>();
  return ({ session: { sessionId, lastUsedAt } }, idleMs, now) => {
    if (now - lastUsedAt < touchEveryMs(idleMs) || touching.has(sessionId)) return;
    touching.add(sessionId);
    store.sessions
      .touch({ sessionId, idleExpiresAt: now + idleMs, now })
      .catch((error: unknown) => log.debug({ error, sessionId }, "the use of a session was not recorded"))
      .finally(() => touching.delete(sessionId));
  };
}
