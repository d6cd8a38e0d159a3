import { accessTokenExpiresAt } from "../crypto/access-token.js";
import type { Caller } from "../model/caller.js";
import type { Session } from "../model/session.js";
import type { EpochMs } from "../model/time.js";
import type { Deps } from "./deps.js";
import { fieldClaims, type TokenSubject } from "./field-claims.js";

/** The tokens given to a caller. They are not stored. */
export interface TokenSet {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: EpochMs;
  readonly expiresInSeconds: number;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: EpochMs;
  /** Null after a refresh. */
  readonly idToken: string | null;
  readonly sessionId: string;
}

/**
 * Signs the tokens of a session in its present generation. Only a sign-in gets an id token. `subject` may be null if the policy
 * wants nothing about the user in tokens.
 */
export async function issueTokens(
  deps: Deps,
  session: Session,
  options: {
    readonly caller: Caller;
    readonly subject: TokenSubject | null;
    readonly withIdToken: boolean;
    readonly now: EpochMs;
  },
): Promise<TokenSet> {
  const { caller, now } = options;
  const life = { ttlMs: caller.policy.accessTokenTtlMs, now };
  const expiresAt = accessTokenExpiresAt(session, life);
  const fields = options.subject === null ? {} : fieldClaims(caller.app, options.subject);
  const [accessToken, idToken] = await Promise.all([
    deps.accessTokens.signAccess(session, { audience: caller.app.audience, fields, ...life }),
    options.withIdToken ? deps.accessTokens.signId(session, { fields, ...life }) : null,
  ]);
  return {
    accessToken,
    accessTokenExpiresAt: expiresAt,
    // Round down, so that clients never use an expired token.
    expiresInSeconds: Math.max(Math.floor((expiresAt - now) / 1000), 0),
    refreshToken: deps.refreshTokens.mint(session),
    refreshTokenExpiresAt: session.idleExpiresAt,
    idToken,
    sessionId: session.sessionId,
  };
}
