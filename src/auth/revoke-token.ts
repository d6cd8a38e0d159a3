import type { Caller } from "../model/caller.js";
import type { Deps } from "./deps.js";
import { refuseForeignToken } from "./foreign-keys.js";

/**
 * Ends the session of an access or refresh token if it belongs to the caller's client. Any other token is no error (RFC 7009
 * §2.2), so the answer reveals nothing.
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
  const { sessionId, userId } = access;
  const revoked = await deps.store.sessions.revoke({ sessionId, userId, appId: caller.app.appId, now });
  deps.log.info({ sessionId, revoked, correlationId }, "access token revoked");
}
