import { randomBytes, randomUuid } from "../crypto/random.js";
import type {
  Challenge,
  ChallengeRefusal,
  ChallengeToVerify,
  Contact,
  ContactKind,
  EpochMs,
  NewSession,
  NewUser,
  Purpose,
  Redemption,
  User,
} from "../store/store.js";
import { guessClaims, redemptionReturns } from "./budgets.js";
import type { Caller, Deps, Idempotency, TokenSet } from "./deps.js";
import { AuthError } from "./errors.js";
import { idempotencyMac } from "./idempotency.js";
import { canonicalContact } from "./identifier.js";
import { tooManyRequests } from "./limits.js";
import { codeBinding } from "./new-challenge.js";
import { openProfile } from "./profile.js";
import { issueTokens } from "./tokens.js";

export interface VerifyOtpInput {
  readonly challengeId: string;
  /** As typed: digits, spaces, hyphens. */
  readonly code: string;
  readonly expectedPurpose: Purpose | undefined;
  /** Empty: any. */
  readonly expectedContact: string;
  readonly idempotency: Idempotency;
}

export type VerifyOtpResult = { readonly purpose: Purpose; readonly contact: Contact; readonly provenAt: EpochMs } & (
  | {
      readonly kind: "signed_in";
      readonly tokens: TokenSet;
      readonly user: User;
      readonly isNewUser: boolean;
      readonly usernameTaken: boolean;
    }
  | { readonly kind: "pending"; readonly pendingSources: readonly ContactKind[] }
  | { readonly kind: "proven"; readonly contactProof: string }
);

/**
 * Exchanges a code for what its challenge was made for. An attempt is spent before the code is looked at, so racers can't guess
 * more often than allowed, and of racers with the right code exactly one gets something. Whatever is wrong, public clients learn
 * the same.
 */
export async function verifyOtp(deps: Deps, caller: Caller, input: VerifyOtpInput): Promise<VerifyOtpResult> {
  const idempotency = idempotencyMac(deps, caller, { method: "VerifyOtp", idempotency: input.idempotency });
  const earlier = await findEarlier(deps, idempotency);
  if (earlier !== null) return earlier;

  const challenge = await deps.store.findChallenge(input.challengeId);
  const refusal = cheapRefusal(challenge, caller, deps.clock());
  if (refusal === "consumed") return (await findEarlier(deps, idempotency)) ?? refuse(deps, caller, { input, why: refusal });
  if (challenge === null || refusal !== null) return refuse(deps, caller, { input, why: refusal ?? "unknown" });

  const guess = await takeGuess(deps, caller, { challenge, input });
  if (guess.why !== null) return refuse(deps, caller, { input, why: guess.why });
  const outcome = await deps.store.redeemChallenge({
    challengeId: challenge.challengeId,
    idempotency,
    returns: redemptionReturns(deps.policy, challenge, guess.takenAt),
    newUser: newUserOf(deps, challenge),
    newSession: newSessionOf(deps, caller, challenge),
    sessionsMax: deps.policy.sessionsMax,
    now: deps.clock(),
  });
  if (outcome.kind === "refused") {
    return (await findEarlier(deps, idempotency)) ?? refuse(deps, caller, { input, why: outcome.why });
  }
  deps.log.info(
    { challengeId: challenge.challengeId, outcome: outcome.redemption.kind, correlationId: caller.correlationId },
    "code redeemed",
  );
  return await resultOf(deps, challenge, outcome.redemption);
}

/** What is refused without a hash and without spending anything. */
function cheapRefusal(challenge: ChallengeToVerify | null, caller: Caller, now: EpochMs): ChallengeRefusal | null {
  if (challenge === null) return "unknown";
  if (challenge.clientId !== caller.clientId) return "foreign_client";
  if (challenge.consumedAt !== null) return "consumed";
  if (challenge.cancelledAt !== null) return "cancelled";
  if (challenge.expiresAt <= now) return "expired";
  return challenge.attempts >= challenge.attemptsMax ? "attempts_exhausted" : null;
}

/** Spends an attempt and compares; says why the guess fails, or null when it is right. Every guess costs the same hash. */
async function takeGuess(
  deps: Deps,
  caller: Caller,
  { challenge, input }: { readonly challenge: ChallengeToVerify; readonly input: VerifyOtpInput },
): Promise<{ readonly why: ChallengeRefusal | null; readonly takenAt: EpochMs }> {
  return await deps.codes.withSlot("verify", caller.signal, async (slot) => {
    const takenAt = deps.clock();
    const attempt = await deps.store.takeAttempt({
      challengeId: challenge.challengeId,
      clientId: caller.clientId,
      ...guessClaims(deps.policy, challenge),
      now: takenAt,
    });
    if (attempt.kind === "limited") throw tooManyRequests(attempt, takenAt);
    if (attempt.kind === "refused") return { why: attempt.why, takenAt };
    const right = await slot.matches(input.code.replace(/[ -]/g, ""), codeBinding(challenge), challenge.codeHash);
    return { why: right ? hiddenRefusal(deps, challenge, { input, attempt }) : "mismatch", takenAt };
  });
}

/** What makes the right code fail all the same. */
function hiddenRefusal(
  deps: Deps,
  challenge: ChallengeToVerify,
  { input, attempt }: { readonly input: VerifyOtpInput; readonly attempt: { readonly accountBudgetSpent: boolean } },
): ChallengeRefusal | null {
  if (challenge.decoy) return "decoy";
  if (attempt.accountBudgetSpent) return "account_budget_spent";
  if (input.expectedPurpose !== undefined && input.expectedPurpose !== challenge.purpose) return "not_expected";
  return isExpectedContact(deps, challenge.contact, input.expectedContact) ? null : "not_expected";
}

function isExpectedContact(deps: Deps, contact: Contact | null, expected: string): boolean {
  if (expected === "") return true;
  if (contact === null) return false;
  try {
    return canonicalContact(deps.policy, contact.kind, expected).value === contact.value;
  } catch {
    return false;
  }
}

function refuse(deps: Deps, caller: Caller, { input, why }: { input: VerifyOtpInput; why: ChallengeRefusal }): never {
  const { challengeId } = input;
  deps.log.info({ challengeId, why, clientId: caller.clientId, correlationId: caller.correlationId }, "code refused");
  throw new AuthError("CODE_INVALID", { detail: why });
}

async function findEarlier(deps: Deps, idempotency: Buffer | null): Promise<VerifyOtpResult | null> {
  if (idempotency === null) return null;
  const found = await deps.store.findRedemption({ idempotency, now: deps.clock() });
  return found === null ? null : await resultOf(deps, found.challenge, found.redemption);
}

async function resultOf(deps: Deps, challenge: Challenge, redemption: Redemption): Promise<VerifyOtpResult> {
  const now = deps.clock();
  const contact = challenge.contact!;
  const base = { purpose: challenge.purpose, contact, provenAt: challenge.consumedAt ?? now };
  switch (redemption.kind) {
    case "signed_in": {
      const { user, isNewUser, usernameTaken } = redemption;
      const tokens = await issueTokens(deps, redemption.session, { withIdToken: true, now });
      return { ...base, kind: "signed_in", tokens, user, isNewUser, usernameTaken };
    }
    case "pending":
      return { ...base, ...redemption };
    case "proven": {
      const { clientId, challengeId } = challenge;
      return {
        ...base,
        kind: "proven",
        contactProof: await deps.accessTokens.signProof({ clientId, challengeId, contact }, now),
      };
    }
  }
}

function newUserOf(deps: Deps, challenge: ChallengeToVerify): NewUser {
  const { registrationId, sealedProfile } = challenge;
  const profile =
    registrationId !== null && sealedProfile !== null
      ? openProfile(deps, { registrationId, sealedProfile })
      : { username: null, displayName: "", locale: challenge.locale, customAttributes: "" };
  return { userId: randomUuid(), ...profile };
}

/** How a code over a channel is named in `amr`: `sms` is registered (RFC 8176 §2), for e-mail there is nothing registered. */
const amrOf = { email: "latchkey:email", sms: "sms" } as const;

function newSessionOf(deps: Deps, caller: Caller, challenge: ChallengeToVerify): NewSession {
  const now = deps.clock();
  const { refreshAbsoluteMs, refreshIdleMs } = deps.policy;
  return {
    sessionId: randomUuid(),
    family: randomBytes(16),
    keyId: deps.refreshTokens.currentKeyId,
    clientId: caller.clientId,
    ip: caller.address,
    userAgent: caller.userAgent,
    amr: [amrOf[challenge.channel]],
    expiresAt: now + refreshAbsoluteMs,
    idleExpiresAt: now + Math.min(refreshIdleMs, refreshAbsoluteMs),
  };
}
