import { sessionCredentialHash } from "../crypto/session-credential.js";
import type { Caller } from "../model/caller.js";
import type { Session } from "../model/session.js";
import type { Deps } from "./deps.js";
import { AuthError, invalidField } from "./errors.js";
import { refuseForeignToken } from "./foreign-keys.js";

/**
 * Ends the session of a refresh token, access token or session credential. Any other token is no error (RFC 7009 §2.2), so the
 * answer reveals nothing. An empty token means the session of the cookie, which is cleared. Refresh tokens and credentials end only
 * sessions of the caller's client. An access token ends a session of any client of the app, because its holder may end the
 * session anyway. Throws TOKEN_NOT_REVOCABLE for the client's own access token.
 */
export async function revokeToken(deps: Deps, caller: Caller, input: { readonly token: string }): Promise<void> {
  const { cookie } = caller;
  if (input.token !== "") return await revoke(deps, caller, input.token);
  if (cookie === null) throw invalidField("token", "must not be empty without the header x-latchkey-session: cookie");
  const ended = typeof cookie.credential !== "string" || (await endCredential(deps, caller, cookie.credential));
  if (ended) cookie.clear();
}

/**
 * Ends the session of a credential. Returns false if the session is another client's, which stays: the browser sends its cookie to
 * every app on the host.
 */
async function endCredential(deps: Deps, caller: Caller, credential: string): Promise<boolean> {
  const credentialHash = sessionCredentialHash(credential);
  const live =
    credentialHash === null ? null : await deps.store.sessions.findByCredential({ credentialHash, now: deps.clock() });
  if (live === null) return true;
  if (live.session.clientId !== caller.client.clientId || !speaksForClient(caller)) return false;
  await end(deps, caller, live.session);
  return true;
}

async function revoke(deps: Deps, caller: Caller, token: string): Promise<void> {
  const now = deps.clock();
  const { clientId } = caller.client;
  const refresh = deps.refreshTokens.parse(token);
  if (refresh !== null) {
    const revoked =
      speaksForClient(caller) && (await deps.store.sessions.revokeFamily({ family: refresh.family, clientId, now }));
    deps.log.info({ revoked, correlationId: caller.correlationId }, "refresh token revoked");
    return;
  }
  if (sessionCredentialHash(token) !== null) {
    await endCredential(deps, caller, token);
    return;
  }
  await refuseForeignToken(deps, token, "revoke");
  const access = await deps.accessTokens.verifyAccess(token, now);
  if (access === null || access.audience !== caller.app.audience) return;
  if (access.kind === "user") await end(deps, caller, access);
  else if (access.clientId === clientId) throw new AuthError("TOKEN_NOT_REVOCABLE");
}

/** Whether the caller may end its client's sessions by their secrets: a confidential client must be authenticated. */
function speaksForClient({ client, confidential }: Caller): boolean {
  return client.kind === "public" || confidential;
}

async function end(deps: Deps, caller: Caller, { sessionId, userId }: Pick<Session, "sessionId" | "userId">): Promise<void> {
  const { appId } = caller.app;
  const revoked = await deps.store.sessions.revoke({ sessionId, userId, appId, now: deps.clock() });
  deps.log.info({ sessionId, revoked, correlationId: caller.correlationId }, "session ended by its token");
}
