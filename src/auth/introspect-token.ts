import { sessionCredentialHash } from "../crypto/session-credential.js";
import type { Caller } from "../model/caller.js";
import type { Client } from "../model/client.js";
import type { Scope } from "../model/scope.js";
import type { Session } from "../model/session.js";
import type { EpochMs } from "../model/time.js";
import type { LiveSession } from "../store/port/sessions.js";
import { presentScopes } from "./client-token.js";
import type { Deps } from "./deps.js";
import { refuseForeignToken } from "./foreign-keys.js";

/** What an active token means. */
export interface ActiveToken {
  readonly kind: "access" | "client" | "refresh" | "credential";
  readonly clientId: string;
  /** The user, or the client of a client's own token. */
  readonly subject: string;
  readonly scopes: readonly Scope[];
  /** Empty: none. */
  readonly username: string;
  readonly issuedAt: EpochMs;
  readonly expiresAt: EpochMs;
  /** Empty: the token has none. */
  readonly tokenId: string;
  /** Empty: a client's own token has none. */
  readonly sessionId: string;
}

/** Returns the client if it may call at present, and null otherwise. */
export type FindClient = (clientId: string) => Client | null;

/**
 * Returns what a token means (RFC 7662). Returns null if it is not active: malformed, expired, revoked, of a client that is gone, or
 * of another app than the caller's.
 */
export async function introspectToken(
  deps: Deps,
  caller: Caller,
  { token, findClient }: { readonly token: string; readonly findClient: FindClient },
): Promise<ActiveToken | null> {
  const found = await lookAt(deps, caller, { token, findClient });
  return found !== null && findClient(found.clientId)?.appId === caller.app.appId ? found : null;
}

async function lookAt(
  deps: Deps,
  caller: Caller,
  { token, findClient }: { readonly token: string; readonly findClient: FindClient },
): Promise<ActiveToken | null> {
  const now = deps.clock();
  const refresh = deps.refreshTokens.parse(token);
  if (refresh !== null) {
    const live = await deps.store.sessions.findByFamily({ family: refresh.family, now });
    if (live === null || live.session.generation !== refresh.generation) return null;
    return ofSession("refresh", caller, live);
  }
  const credentialHash = sessionCredentialHash(token);
  if (credentialHash !== null) {
    const live = await deps.store.sessions.findByCredential({ credentialHash, now });
    return live === null ? null : ofSession("credential", caller, live);
  }
  await refuseForeignToken(deps, token, "introspect");
  const claims = await deps.accessTokens.verifyAccess(token, now);
  if (claims === null || claims.audience !== caller.app.audience) return null;
  const { clientId, issuedAt, expiresAt, tokenId } = claims;
  if (claims.kind === "client") {
    const client = findClient(clientId);
    const scopes = client === null ? "the client is gone" : presentScopes(claims, client);
    if (typeof scopes === "string") return null;
    return { kind: "client", clientId, subject: clientId, scopes, username: "", issuedAt, expiresAt, tokenId, sessionId: "" };
  }
  const live = await deps.store.sessions.findLive({ sessionId: claims.sessionId, now });
  if (live === null || live.session.userId !== claims.userId || live.session.clientId !== clientId) return null;
  const active = ofSession("access", caller, live);
  return active === null ? null : { ...active, issuedAt, expiresAt, tokenId };
}

function ofSession(kind: ActiveToken["kind"], caller: Caller, { session, user }: LiveSession): ActiveToken | null {
  const { appId, clientId, userId, sessionId } = session;
  if (appId !== caller.app.appId) return null;
  return {
    kind,
    clientId,
    subject: userId,
    scopes: [],
    username: user.username ?? "",
    issuedAt: issuedAt(kind, session),
    expiresAt: Math.min(session.idleExpiresAt, session.expiresAt),
    tokenId: "",
    sessionId,
  };
}

/** Each use of a refresh token makes the next one. A credential never changes. */
function issuedAt(kind: ActiveToken["kind"], { lastUsedAt, createdAt }: Session): EpochMs {
  return kind === "refresh" ? lastUsedAt : createdAt;
}
