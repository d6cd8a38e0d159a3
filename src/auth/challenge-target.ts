import type { Caller } from "../model/caller.js";
import type { Purpose } from "../model/challenge.js";
import { canonicalIdentifier, type Identifier } from "../model/identifier.js";
import type { ChallengeToVerify } from "../store/port/challenges.js";
import type { GuessLook } from "./budgets.js";
import type { Deps } from "./deps.js";
import { accepted, invalidField } from "./errors.js";
import { requesterKeyOf } from "./requester.js";

/** How a caller names a challenge: by its id, or by the identifier that the code was requested for, as the caller wrote it. */
export type ChallengeTarget =
  | { readonly kind: "challenge"; readonly challengeId: string }
  | { readonly kind: Identifier["kind"]; readonly value: string; readonly purpose: Purpose };

/**
 * Returns the id of the challenge that a caller names, or null if there is none. An identifier means the newest live challenge
 * of this client for it and for this requester, so that a stranger's send never replaces the owner's. Throws REQUEST_INVALID if
 * the client may not name challenges by identifier.
 */
export async function challengeIdOf(deps: Deps, caller: Caller, target: ChallengeTarget): Promise<string | null> {
  if (target.kind === "challenge") return target.challengeId;
  if (!mayNameByIdentifier(caller)) {
    throw invalidField(target.kind, "this client may not name challenges by identifier: give challenge_id");
  }
  const { clientId } = caller.client;
  const newest = await deps.store.challenges.findNewest({
    clientId,
    identifierKey: deps.lookup.identifier(caller.app.poolId, identifierOf(caller, target)),
    requesterKey: requesterKeyOf(deps, caller),
    purpose: target.purpose,
    now: deps.clock(),
  });
  return newest?.challengeId ?? null;
}

/**
 * Returns the challenge if it belongs to the caller's app. The client is not enough: the id of a deleted client may name a client
 * of another app by now.
 */
export async function findInApp(deps: Deps, caller: Caller, challengeId: string | null): Promise<ChallengeToVerify | null> {
  const challenge = challengeId === null ? null : await deps.store.challenges.find(challengeId, caller.policy.trustClaims);
  return challenge?.appId === caller.app.appId ? challenge : null;
}

/** Returns what `findInApp` returns, and whether the budgets of a guess refuse now. */
export async function findToGuessInApp(deps: Deps, caller: Caller, challengeId: string | null, look: GuessLook) {
  if (challengeId === null) return { challenge: null, limited: null };
  const { trustClaims } = caller.policy;
  const found = await deps.store.challenges.findToGuess({ challengeId, trustClaims, ...look });
  return found.challenge?.appId === caller.app.appId ? found : { challenge: null, limited: null };
}

/**
 * Returns whether the caller may name challenges by identifier. The users of a confidential client may not: only the client itself
 * knows for whom it asks.
 */
export function mayNameByIdentifier({ client, confidential }: Caller): boolean {
  return client.verifyByIdentifier && (client.kind === "public" || confidential);
}

/**
 * Returns an identifier of a request in canonical form. Throws REQUEST_INVALID if it has none, or if it is a user id and the
 * caller is a public client.
 */
export function identifierOf(caller: Caller, given: { readonly kind: Identifier["kind"]; readonly value: string }): Identifier {
  if (given.kind === "user_id" && !caller.confidential) {
    throw invalidField("user_id", "only confidential clients may name users by their id: give email, phone or username");
  }
  return accepted(canonicalIdentifier(caller.policy, given.kind, given.value));
}
