import type { Caller } from "../model/caller.js";
import type { Deps } from "./deps.js";
import { refuseForeignToken } from "./foreign-keys.js";

/**
 * Ends the session that an access or refresh token belongs to, if it is the caller's client's; any other token is no error
 * (RFC 7009 §2.2), so that the answer tells nothing.
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
  await refuseForeignToken(deps, input.token, "revoke");
  const access = await deps.accessTokens.verifyAccess(input.token, now);
  if (access === null || access.clientId !== clientId) return;
  const revoked = await deps.store.sessions.revoke({ sessionId: access.sessionId, userId: access.userId, now });
  deps.log.info({ sessionId: access.sessionId, revoked, correlationId }, "access token revoked");
}
