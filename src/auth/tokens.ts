import { accessTokenExpiresAt } from "../crypto/access-token.js";
import type { EpochMs, Session } from "../store/store.js";
import type { Deps, TokenSet } from "./deps.js";

/** Signs the tokens of a session in its present generation. Only a sign-in gets an id token. */
export async function issueTokens(
  deps: Deps,
  session: Session,
  options: { readonly withIdToken: boolean; readonly now: EpochMs },
): Promise<TokenSet> {
  const { now } = options;
  const expiresAt = accessTokenExpiresAt(session, deps.policy.accessTokenTtlMs, now);
  const [accessToken, idToken] = await Promise.all([
    deps.accessTokens.signAccess(session, now),
    options.withIdToken ? deps.accessTokens.signId(session, now) : null,
  ]);
  return {
    accessToken,
    accessTokenExpiresAt: expiresAt,
    // Rounded down: who counts by it must never take the token for younger than it is.
    expiresInSeconds: Math.max(Math.floor((expiresAt - now) / 1000), 0),
    refreshToken: deps.refreshTokens.mint(session),
    refreshTokenExpiresAt: session.idleExpiresAt,
    idToken,
    sessionId: session.sessionId,
  };
}
