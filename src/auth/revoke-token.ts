import { sessionCredentialHash } from "../crypto/session-credential.js";
import type { Caller } from "../model/caller.js";
import type { Session } from "../model/session.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";
import { refuseForeignToken } from "./foreign-keys.js";

/**
 * Ends the session of a refresh token, access token or session credential if it belongs to the caller's client. Any other token is
 * no error (RFC 7009 §2.2), so the answer reveals nothing. Throws TOKEN_NOT_REVOCABLE for the client's own access token.
 */
export async function revokeToken(deps: Deps, caller: Caller, input: { readonly token: string }): Promise<void> {
  const now = deps.clock();
  const { correlationId } = caller;
  const { clientId } = caller.client;
  const refresh = deps.refreshTokens.parse(input.token);
  if (refresh !== null) {
    const revoked = await deps.store.sessions.revokeFamily({ family: refresh.family, clientId, now });
    deps.log.info({ revoked, correlationId }, "refresh token revoked");
    return;
  }
  const credentialHash = sessionCredentialHash(input.token);
  if (credentialHash !== null) {
    const live = await deps.store.sessions.findByCredential({ credentialHash, now });
    if (live?.session.clientId === clientId) await end(deps, caller, live.session);
    return;
  }
  await refuseForeignToken(deps, input.token, "revoke");
  const access = await deps.accessTokens.verifyAccess(input.token, now);
  if (access === null || access.clientId !== clientId || access.audience !== caller.app.audience) return;
  if (access.kind === "client") throw new AuthError("TOKEN_NOT_REVOCABLE");
  await end(deps, caller, access);
}

async function end(deps: Deps, caller: Caller, { sessionId, userId }: Pick<Session, "sessionId" | "userId">): Promise<void> {
  const { appId } = caller.app;
  const revoked = await deps.store.sessions.revoke({ sessionId, userId, appId, now: deps.clock() });
  deps.log.info({ sessionId, revoked, correlationId: caller.correlationId }, "session ended by its token");
}
