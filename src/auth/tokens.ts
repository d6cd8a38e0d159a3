import type { EpochMs, Session } from "../store/store.js";
import type { Deps, TokenSet } from "./deps.js";

/** Signs the tokens of a session in its present generation. Only a sign-in gets an id token. */
export async function issueTokens(
  deps: Deps,
  session: Session,
  options: { readonly withIdToken: boolean; readonly now: EpochMs },
): Promise<TokenSet> {
  const { now } = options;
  const { accessTokenTtlMs } = deps.policy;
  const [accessToken, idToken] = await Promise.all([
    deps.accessTokens.signAccess(session, now),
    options.withIdToken ? deps.accessTokens.signId(session, now) : null,
  ]);
  return {
    accessToken,
    accessTokenExpiresAt: (Math.floor(now / 1000) + Math.floor(accessTokenTtlMs / 1000)) * 1000,
    expiresInSeconds: Math.floor(accessTokenTtlMs / 1000),
    refreshToken: deps.refreshTokens.mint(session),
    refreshTokenExpiresAt: session.idleExpiresAt,
    idToken,
    sessionId: session.sessionId,
  };
}
