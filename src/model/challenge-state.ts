import type { Challenge, ChallengeRefusal, ChallengeState } from "./challenge.js";
import type { EpochMs } from "./time.js";

/** The fields that decide whether a challenge can be used. */
export type ChallengeLife = Pick<Challenge, "clientId" | "consumedAt" | "cancelledAt" | "expiresAt">;

/** Returns why a client can't use a challenge now, or null if it can. The first matching reason counts. */
export function refusalOf(challenge: ChallengeLife | null, clientId: string, now: EpochMs): ChallengeRefusal | null {
  if (challenge === null) return "unknown";
  if (challenge.clientId !== clientId) return "foreign_client";
  if (challenge.consumedAt !== null) return "consumed";
  if (challenge.cancelledAt !== null) return "cancelled";
  return challenge.expiresAt <= now ? "expired" : null;
}

/** Returns why a challenge takes no guesses, or null if it does. */
export function guessRefusalOf(challenge: Challenge | null, clientId: string, now: EpochMs): ChallengeRefusal | null {
  const refusal = refusalOf(challenge, clientId, now);
  if (refusal !== null || challenge === null) return refusal;
  return challenge.attempts >= challenge.attemptsMax ? "attempts_exhausted" : null;
}

/** Returns the state that the client of a challenge may learn. A decoy has the state of a real challenge. */
export function stateOf(challenge: Challenge, now: EpochMs): ChallengeState {
  if (challenge.consumedAt !== null) return "redeemed";
  if (challenge.cancelledAt !== null) return "cancelled";
  if (challenge.expiresAt <= now) return "expired";
  return challenge.attempts >= challenge.attemptsMax ? "exhausted" : "pending";
}

/** Returns why the code of a challenge can't be sent again, or null if it can. */
export function resendRefusalOf(challenge: Challenge | null, clientId: string, now: EpochMs): ChallengeRefusal | null {
  const refusal = guessRefusalOf(challenge, clientId, now);
  if (refusal !== null || challenge === null) return refusal;
  return challenge.sends >= challenge.sendsMax ? "sends_exhausted" : null;
}
