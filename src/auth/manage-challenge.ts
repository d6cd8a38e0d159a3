import type { Caller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
import { guessRefusalOf } from "../model/challenge-state.js";
import type { EpochMs } from "../model/time.js";
import { sendReturns } from "./budgets.js";
import { type ChallengeTarget, challengeIdOf, findInApp } from "./challenge-target.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";
import { causeOf } from "./refusals.js";

/** A challenge with the times of its sends, oldest first. */
export interface ManagedChallenge {
  readonly challenge: Challenge;
  readonly sentAt: readonly EpochMs[];
}

/**
 * Returns a challenge of the calling client. Decoys are found like all others. Throws CHALLENGE_NOT_FOUND if there is none, with
 * the same answer for another client's.
 */
export async function getChallenge(deps: Deps, caller: Caller, target: ChallengeTarget): Promise<ManagedChallenge> {
  const challenge = await findOwn(deps, caller, target);
  return { challenge, sentAt: await deps.store.challenges.listSends(challenge.challengeId) };
}

async function findOwn(deps: Deps, caller: Caller, target: ChallengeTarget): Promise<Challenge> {
  const challenge = await findInApp(deps, caller, await challengeIdOf(deps, caller, target));
  if (challenge?.clientId !== caller.client.clientId) throw new AuthError("CHALLENGE_NOT_FOUND");
  return challenge;
}

/** Ends a pending challenge of the calling client without redeeming it. Throws CHALLENGE_ENDED if it was not pending. */
export async function cancelChallenge(deps: Deps, caller: Caller, target: ChallengeTarget): Promise<ManagedChallenge> {
  return await end(deps, caller, { target, how: "cancel" });
}

/**
 * Redeems a pending challenge of the calling client, which has checked the code. It makes no session, user or proof, and gives
 * the challenge's sends back. Throws CHALLENGE_ENDED if the challenge was not pending. Of concurrent calls, redemptions included,
 * exactly one succeeds.
 */
export async function approveChallenge(deps: Deps, caller: Caller, target: ChallengeTarget): Promise<ManagedChallenge> {
  return await end(deps, caller, { target, how: "approve" });
}

async function end(
  deps: Deps,
  caller: Caller,
  { target, how }: { readonly target: ChallengeTarget; readonly how: "cancel" | "approve" },
): Promise<ManagedChallenge> {
  const challenge = await findOwn(deps, caller, target);
  const { challengeId } = challenge;
  const now = deps.clock();
  const why =
    guessRefusalOf(challenge, challenge.clientId, now) ??
    (await deps.store.challenges.end({
      challengeId,
      appId: caller.app.appId,
      how,
      sendReturns: how === "approve" ? sendReturns(caller.policy) : [],
      now,
    }));
  if (why !== null) throw new AuthError("CHALLENGE_ENDED", { detail: why, metadata: { cause: causeOf(why) } });
  deps.log.info(
    { challengeId, clientId: caller.client.clientId, correlationId: caller.correlationId },
    `challenge ${ended[how]}`,
  );
  return await getChallenge(deps, caller, { kind: "challenge", challengeId });
}

const ended = { cancel: "cancelled", approve: "approved" } as const;
