import { randomBytes } from "node:crypto";
import { randomUuid } from "../crypto/random.js";
import type { Caller } from "../model/caller.js";
import type { Challenge, ChallengeRefusal, Purpose } from "../model/challenge.js";
import { guessRefusalOf } from "../model/challenge-state.js";
import type { Contact, ContactKind } from "../model/contact.js";
import { canonicalContact } from "../model/identifier.js";
import type { NewSession } from "../model/session.js";
import type { EpochMs } from "../model/time.js";
import type { NewUser, User } from "../model/user.js";
import { isViolation } from "../model/violation.js";
import type { BudgetReturn } from "../store/port/budgets.js";
import type { ChallengeToVerify, Redemption } from "../store/port/challenges.js";
import { guessCharges, guessReturns, sendReturns } from "./budgets.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";
import { refuseForeignKey } from "./foreign-keys.js";
import type { Idempotency } from "./idempotency.js";
import { idempotencyMac } from "./idempotency.js";
import { tooManyRequests } from "./limits.js";
import { codeBinding } from "./new-challenge.js";
import { openProfile } from "./profile.js";
import type { TokenSet } from "./tokens.js";
import { issueTokens } from "./tokens.js";

export interface VerifyOtpInput {
  readonly challengeId: string;
  /** As typed; spaces and hyphens are ignored. */
  readonly code: string;
  readonly expectedPurpose: Purpose | undefined;
  /** Empty means any contact. */
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
 * Exchanges a code for the result of its challenge. An attempt is spent before the code is compared, so concurrent calls can't
 * guess more often than allowed. Of concurrent calls with the right code exactly one succeeds. Public clients get the same
 * error for every reason.
 */
export async function verifyOtp(deps: Deps, caller: Caller, input: VerifyOtpInput): Promise<VerifyOtpResult> {
  const idempotency = idempotencyMac(deps, caller, { method: "VerifyOtp", idempotency: input.idempotency });
  return await deps.singleFlight(idempotency, () => verify(deps, caller, { input, idempotency }));
}

async function verify(
  deps: Deps,
  caller: Caller,
  { input, idempotency }: { readonly input: VerifyOtpInput; readonly idempotency: Buffer | null },
): Promise<VerifyOtpResult> {
  /** If a repeat of this call has succeeded, before or meanwhile, gives its outcome; otherwise refuses. */
  const lose = async (why: ChallengeRefusal): Promise<VerifyOtpResult> =>
    (await findEarlier(deps, caller, idempotency)) ?? refuse(deps, caller, { input, why });

  const challenge = await deps.store.challenges.find(input.challengeId);
  const refusal = guessRefusalOf(challenge, caller.client.clientId, deps.clock());
  if (challenge === null || refusal !== null) return await lose(refusal ?? "unknown");
  await refuseForeignKeys(deps, challenge);
  const newUser = newUserOf(deps, challenge);
  if (newUser === null) return refuse(deps, caller, { input, why: "profile_lost" });

  const guess = await takeGuess(deps, caller, { challenge, input });
  if (guess.why !== null) return await lose(guess.why);
  const now = deps.clock();
  const outcome = await deps.store.challenges.redeem({
    challengeId: challenge.challengeId,
    idempotency,
    returns: guess.returns,
    sendReturns: sendReturns(caller.policy),
    newUser,
    newSession: newSessionOf(deps, caller, challenge),
    sessionsMax: caller.policy.sessionsMax,
    lockoutKey: null,
    now,
  });
  if (outcome.kind === "refused") return await lose(outcome.why);
  deps.metrics.challengeRedeemed(challenge);
  deps.log.info(
    { challengeId: challenge.challengeId, outcome: outcome.redemption.kind, correlationId: caller.correlationId },
    "code redeemed",
  );
  return await resultOf(deps, caller, { challenge, redemption: outcome.redemption, provenAt: now });
}

/** Throws UNAVAILABLE, before anything is spent, if only other processes can check the guess. */
async function refuseForeignKeys(deps: Deps, { codeHash, sealedProfile }: ChallengeToVerify): Promise<void> {
  await refuseForeignKey(deps, { use: "pepper", keyId: codeHash.pepperId }, "verify");
  if (sealedProfile === null) return;
  await refuseForeignKey(deps, { use: "master", keyId: deps.sealer.keyIdOf(sealedProfile) }, "verify");
}

interface Guess {
  /** Null if the guess is right. */
  readonly why: ChallengeRefusal | null;
  /** The budget units that the redemption of this guess gives back. */
  readonly returns: readonly BudgetReturn[];
}

/** Spends an attempt and compares the code. Every guess costs the same hash. */
async function takeGuess(
  deps: Deps,
  caller: Caller,
  { challenge, input }: { readonly challenge: ChallengeToVerify; readonly input: VerifyOtpInput },
): Promise<Guess> {
  const requesterKey = deps.lookup.requester(caller.client.clientId, caller.address);
  const charges = guessCharges(caller.policy, challenge, requesterKey);
  // Checked before waiting for a slot. Otherwise callers with a spent budget could fill the queue.
  const askedAt = deps.clock();
  const limited = await deps.store.challenges.findLimit({ charges: [charges.requester, charges.identifier], now: askedAt });
  if (limited !== null) throw tooManyRequests(deps, "guess", limited, askedAt);
  return await deps.codes.withSlot("verify", caller, async (slot) => {
    const takenAt = deps.clock();
    const returns = guessReturns(charges, takenAt);
    const attempt = await deps.store.challenges.takeAttempt({
      challengeId: challenge.challengeId,
      clientId: caller.client.clientId,
      now: takenAt,
      lockout: null,
      ...charges,
    });
    if (attempt.kind === "limited") throw tooManyRequests(deps, "guess", attempt, takenAt);
    if (attempt.kind === "refused") return { why: attempt.why, returns };
    const right = await slot.matches(input.code.replace(/[ -]/g, ""), codeBinding(challenge), challenge.codeHash);
    return { why: right ? hiddenRefusal(caller, challenge, { input, attempt }) : "mismatch", returns };
  });
}

/** Returns why a right code must fail, or null if it may succeed. */
function hiddenRefusal(
  caller: Caller,
  challenge: ChallengeToVerify,
  { input, attempt }: { readonly input: VerifyOtpInput; readonly attempt: { readonly userBudgetSpent: boolean } },
): ChallengeRefusal | null {
  if (challenge.decoy) return "decoy";
  if (attempt.userBudgetSpent) return "user_budget_spent";
  if (input.expectedPurpose !== undefined && input.expectedPurpose !== challenge.purpose) return "not_expected";
  return isExpectedContact(caller, challenge.contact, input.expectedContact) ? null : "not_expected";
}

function isExpectedContact(caller: Caller, contact: Contact | null, expected: string): boolean {
  if (expected === "") return true;
  if (contact === null) return false;
  const canonical = canonicalContact(caller.policy, contact.kind, expected);
  return !isViolation(canonical) && canonical.value === contact.value;
}

function refuse(deps: Deps, caller: Caller, { input, why }: { input: VerifyOtpInput; why: ChallengeRefusal }): never {
  const { challengeId } = input;
  deps.metrics.guessRefused(why);
  deps.log.info({ challengeId, why, clientId: caller.client.clientId, correlationId: caller.correlationId }, "code refused");
  throw new AuthError("CODE_INVALID", { detail: why });
}

async function findEarlier(deps: Deps, caller: Caller, idempotency: Buffer | null): Promise<VerifyOtpResult | null> {
  if (idempotency === null) return null;
  const found = await deps.store.challenges.findRedemption({ idempotency, now: deps.clock() });
  if (found === null) return null;
  const { challenge, redemption } = found;
  if (redemption.kind === "signed_in" && redemption.session !== null)
    await refuseForeignKey(deps, { use: "master", keyId: redemption.session.keyId }, "verify");
  return await resultOf(deps, caller, { challenge, redemption, provenAt: challenge.consumedAt! });
}

async function resultOf(
  deps: Deps,
  caller: Caller,
  {
    challenge,
    redemption,
    provenAt,
  }: { readonly challenge: Challenge; readonly redemption: Redemption; readonly provenAt: EpochMs },
): Promise<VerifyOtpResult> {
  const now = deps.clock();
  const contact = challenge.contact!;
  const base = { purpose: challenge.purpose, contact, provenAt };
  switch (redemption.kind) {
    case "signed_in": {
      const { user, isNewUser, usernameTaken } = redemption;
      if (redemption.session === null) throw new Error("a sign-in without a session");
      const tokens = await issueTokens(deps, redemption.session, { caller, withIdToken: true, now });
      return { kind: "signed_in", tokens, user, isNewUser, usernameTaken, ...base };
    }
    case "pending":
      return { kind: "pending", pendingSources: redemption.pendingSources, ...base };
    case "proven": {
      const { clientId, challengeId } = challenge;
      return {
        kind: "proven",
        contactProof: await deps.accessTokens.signProof(
          { clientId, challengeId, contact },
          { ttlMs: caller.policy.contactProofTtlMs, now },
        ),
        ...base,
      };
    }
  }
}

/** Returns null if the sealed profile of the registration can't be opened any more because its key was retired. */
function newUserOf(deps: Deps, challenge: ChallengeToVerify): NewUser | null {
  const { registrationId, sealedProfile } = challenge;
  const profile =
    registrationId !== null && sealedProfile !== null
      ? openProfile(deps, { registrationId, sealedProfile })
      : { username: null, displayName: "", locale: challenge.locale, customAttributes: "" };
  return profile === null ? null : { userId: randomUuid(), ...profile };
}

/** The `amr` value of a code for each channel. `sms` is registered (RFC 8176 §2); for e-mail nothing is registered. */
const amrOf = { email: "latchkey:email", sms: "sms" } as const;

function newSessionOf(deps: Deps, caller: Caller, challenge: ChallengeToVerify): NewSession {
  const now = deps.clock();
  const { refreshAbsoluteMs, refreshIdleMs } = caller.policy;
  return {
    sessionId: randomUuid(),
    family: randomBytes(16),
    keyId: deps.refreshTokens.currentKeyId,
    appId: caller.app.appId,
    clientId: caller.client.clientId,
    ip: caller.address,
    userAgent: caller.userAgent,
    amr: [amrOf[challenge.channel]],
    credentialHash: null,
    expiresAt: now + refreshAbsoluteMs,
    idleExpiresAt: now + Math.min(refreshIdleMs, refreshAbsoluteMs),
  };
}
