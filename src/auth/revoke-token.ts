import type { Caller, Deps } from "./deps.js";
import { refuseForeignToken } from "./foreign-keys.js";

/**
 * Ends the session that an access or refresh token belongs to, if it is the caller's client's; any other token is no error
 * (RFC 7009 §2.2), so that the answer tells nothing.
 */
export async function revokeToken(deps: Deps, caller: Caller, input: { readonly token: string }): Promise<void> {
  const now = deps.clock();
  const { clientId, correlationId } = caller;
  const refresh = deps.refreshTokens.parse(input.token);
  if (refresh !== null) {
    const revoked = await deps.store.revokeFamily({ family: refresh.family, clientId, now });
    deps.log.info({ revoked, correlationId }, "refresh token revoked");
    return;
  }
  await refuseForeignToken(deps, input.token, "revoke");
  const access = await deps.accessTokens.verifyAccess(input.token, now);
  if (access === null || access.clientId !== clientId) return;
  const revoked = await deps.store.revokeSession({ sessionId: access.sessionId, userId: access.userId, now });
  deps.log.info({ sessionId: access.sessionId, revoked, correlationId }, "access token revoked");
}
