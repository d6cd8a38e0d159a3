import type { Caller } from "../model/caller.js";
import type { Session } from "../model/session.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";
import type { TokenSubject } from "./field-claims.js";
import { refuseForeignToken } from "./foreign-keys.js";
import type { Idempotency } from "./idempotency.js";
import { idempotencyMac } from "./idempotency.js";
import { findMember, wantsMembership } from "./membership.js";
import type { TokenSet } from "./tokens.js";
import { issueTokens } from "./tokens.js";

export interface RefreshTokenInput {
  readonly refreshToken: string;
  readonly idempotency: Idempotency;
}

/**
 * Exchanges a refresh token for its successor. If the reply was lost, a repeat of the call gets the same successor. An older
 * token ends the session before the refusal is sent (RFC 9700 §4.14.2). The tokens of a confidential client need that client's
 * authentication.
 */
export async function refreshToken(deps: Deps, caller: Caller, input: RefreshTokenInput): Promise<TokenSet> {
  refuseUnauthenticated(caller);
  const claims = deps.refreshTokens.parse(input.refreshToken);
  if (claims === null) {
    await refuseForeignToken(deps, input.refreshToken, "refresh");
    throw new AuthError("SESSION_ENDED", { detail: "not a Latchkey refresh token" });
  }
  const now = deps.clock();
  const { keyId, family, generation } = claims;
  const outcome = await deps.store.sessions.rotate({
    family,
    generation,
    clientId: caller.client.clientId,
    idempotency: idempotencyMac(deps, caller, { method: "RefreshToken", idempotency: input.idempotency, keyId }),
    graceMs: caller.policy.refreshGraceMs,
    idleMs: caller.policy.refreshIdleMs,
    now,
  });
  switch (outcome.kind) {
    case "rotated":
    case "replayed":
      // The id of a deleted client may name a client of another app by now.
      if (outcome.session.appId !== caller.app.appId) throw new AuthError("SESSION_ENDED", { detail: "another app's" });
      return await issueTokens(deps, outcome.session, {
        caller,
        subject: await subjectOf(deps, caller, outcome.session),
        withIdToken: false,
        now,
      });
    case "reused":
    case "lost": {
      const { sessionId } = outcome;
      deps.log.warn(
        { sessionId, generation, correlationId: caller.correlationId },
        `refresh token ${outcome.kind}: session revoked`,
      );
      if (outcome.kind === "reused") deps.metrics.refreshTokenReused();
      throw new AuthError(outcome.kind === "reused" ? "REFRESH_TOKEN_REUSED" : "SESSION_LOST");
    }
    case "ended":
      throw new AuthError("SESSION_ENDED", { detail: "unknown, expired, revoked or another client's" });
  }
}

/** The gate refuses this already. A token must not become useful to others if it ever does not. */
function refuseUnauthenticated({ client, confidential }: Caller): void {
  if (client.kind === "confidential" && !confidential) throw new AuthError("CLIENT_INVALID", { detail: "not authenticated" });
}

/** Returns what the tokens are made from, or null if the policy wants nothing of it. Throws if the session has just ended. */
async function subjectOf(deps: Deps, { app }: Caller, { sessionId, userId }: Session): Promise<TokenSubject | null> {
  if (app.policy.tokenFields.length === 0 && app.policy.tokenAttributes.length === 0) return null;
  const ended = () => new AuthError("SESSION_ENDED", { detail: "ended since the refresh" });
  if (!wantsMembership(app)) {
    const live = await deps.store.sessions.findLive({ sessionId, now: deps.clock() });
    if (live === null) throw ended();
    return { user: live.user, membership: null };
  }
  const found = await findMember(deps, app, userId);
  if (found === null || found.membership === null || found.membership.state === "locked") throw ended();
  return found;
}
