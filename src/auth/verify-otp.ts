import { randomUuid } from "../crypto/random.js";
import type { Caller } from "../model/caller.js";
import type { Challenge, ChallengeRefusal, Purpose } from "../model/challenge.js";
import { guessRefusalOf } from "../model/challenge-state.js";
import type { Contact, ContactKind } from "../model/contact.js";
import type { EpochMs } from "../model/time.js";
import type { NewUser } from "../model/user.js";
import type { ChallengeToVerify } from "../store/port/challenges.js";
import type { Redemption } from "../store/port/redemption.js";
import { sendReturns } from "./budgets.js";
import { type ChallengeTarget, challengeIdOf, findToGuessInApp } from "./challenge-target.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";
import { refuseForeignKey } from "./foreign-keys.js";
import { type GuessInput, lookOfGuess, takeGuess } from "./guess.js";
import type { Idempotency } from "./idempotency.js";
import { idempotencyMac } from "./idempotency.js";
import { accountLocked } from "./lockout.js";
import { type CurrentUser, currentUser, findMember, findMembership, ownMembership } from "./membership.js";
import { type GivenSession, giveSession, intoCookie, newSessionOf, type SessionKind, sessionKindOf } from "./new-session.js";
import { openProfile } from "./profile.js";
import { codeInvalid } from "./refusals.js";
import { redeem } from "./registration.js";
import { restoreOtherContacts } from "./restore-contacts.js";
import { signedInUser } from "./signed-in-user.js";
import { refuseTooManyContacts } from "./start-contact-change.js";
import { noticeOf } from "./take-back-contact.js";

export interface VerifyOtpInput extends GuessInput {
  readonly target: ChallengeTarget;
  /** False: a LOGIN must not create a user, or join one to the app. */
  readonly mayCreateUser: boolean;
  /** Whether a challenge is refused if its requester has a newer one for the same identifier and purpose. */
  readonly newestOnly: boolean;
  /** Undefined means what the caller gets by default. */
  readonly session: SessionKind | undefined;
  readonly idempotency: Idempotency;
}

export type VerifyOtpResult = {
  readonly purpose: Purpose;
  readonly contact: Contact;
  /** Whether the code was that of a test identifier, so that nothing was proven. */
  readonly isTest: boolean;
  readonly provenAt: EpochMs;
} & (
  | ({
      readonly kind: "signed_in";
      /** Null if the sign-in started no session. */
      readonly session: GivenSession | null;
      readonly isNewUser: boolean;
      readonly usernameTaken: boolean;
    } & CurrentUser)
  | { readonly kind: "pending"; readonly pendingSources: readonly ContactKind[] }
  | { readonly kind: "proven"; readonly contactProof: string }
  | ({ readonly kind: "contact_changed" } & CurrentUser)
);

/**
 * Exchanges a code for the result of its challenge. An attempt is spent before the code is compared, so concurrent calls can't
 * guess more often than allowed. Of concurrent calls with the right code exactly one succeeds. Public clients get the same
 * error for every reason. Throws CONTACT_TAKEN if the code was to give the user a contact that another user has verified, and
 * REGISTRATION_REFUSED if the hook of the app refuses a new user.
 */
export async function verifyOtp(deps: Deps, caller: Caller, input: VerifyOtpInput): Promise<VerifyOtpResult> {
  // A call with the cookie is another call: its repeat must not get the tokens of a call without.
  const method = caller.cookie === null ? "VerifyOtp" : "VerifyOtp with cookie";
  const idempotency = idempotencyMac(deps, caller, { method, idempotency: input.idempotency });
  const kind = sessionKindOf(caller, input.session);
  const result = await deps.singleFlight(idempotency, () => verify(deps, caller, { input, kind, idempotency }));
  // Merged calls share the result, but each answer needs the cookie.
  return result.kind === "signed_in" ? { ...result, session: intoCookie(caller, result.session, deps.clock()) } : result;
}

interface Call {
  readonly input: VerifyOtpInput;
  readonly kind: SessionKind;
  readonly idempotency: Buffer | null;
}

async function verify(deps: Deps, caller: Caller, { input, kind, idempotency }: Call): Promise<VerifyOtpResult> {
  const challengeId = await challengeIdOf(deps, caller, input.target);
  const look = lookOfGuess(deps, caller);
  const { challenge, limited } = await findToGuessInApp(deps, caller, challengeId, look);
  const attemptsLeft = challenge === null ? undefined : Math.max(challenge.attemptsMax - challenge.attempts - 1, 0);
  /** If a repeat of this call has succeeded, before or meanwhile, gives its outcome; otherwise refuses. */
  const lose = async (why: ChallengeRefusal, lockedUntil: EpochMs | null = null): Promise<VerifyOtpResult> =>
    (await findEarlier(deps, caller, idempotency)) ?? refuse(deps, caller, { challengeId, why, lockedUntil, attemptsLeft });

  const refusal = guessRefusalOf(challenge, caller.client.clientId, deps.clock());
  const changing = challenge?.purpose === "change_contact" ? await signedInUser(deps, caller) : null;
  if (challenge?.purpose === "change_contact" && changing?.userId !== challenge.userId) {
    // Not `lose`, which gives the outcome of an earlier call: only the user who made that call may see it.
    refuse(deps, caller, { challengeId, why: refusal ?? "not_expected", lockedUntil: null });
  }
  if (challenge === null || refusal !== null) return await lose(refusal ?? "unknown");
  if (input.newestOnly && !(await isNewest(deps, challenge))) return await lose("superseded");
  if (challenge.purpose === "login" && !caller.policy.codeSignIn) {
    throw new AuthError("PURPOSE_NOT_ALLOWED", { detail: "sign-in by code is switched off" });
  }
  const { contact, replaces } = challenge;
  // An erasure since the caller was authenticated leaves no contact: the guess fails as one at a decoy.
  if (changing !== null && contact !== null) refuseTooManyContacts(changing, { contact, replaces });
  await refuseForeignKeys(deps, challenge);
  const newUser = newUserOf(deps, challenge);
  if (newUser === null) return await lose("profile_lost");

  const guess = await takeGuess(deps, caller, { challenge, input, look, limited });
  if (guess.why !== null) return await lose(guess.why, guess.lockedUntil);
  const { outcome, now } = await redeem(deps, caller, {
    challenge,
    mayRegister: input.mayCreateUser || challenge.purpose !== "login",
    change: {
      idempotency,
      returns: guess.returns,
      sendReturns: sendReturns(caller.policy),
      newUser,
      trustClaims: caller.policy.trustClaims,
      newSession: newSessionOf(deps, caller, { challenge, kind }),
      sessionsMax: caller.policy.sessionsMax,
      lockoutKey: guess.lockoutKey,
      notice: contact === null || replaces === null ? null : noticeOf(deps, caller.policy, contact.kind),
    },
  });
  if (outcome.kind === "too_many_contacts") throw new AuthError("TOO_MANY_CONTACTS");
  if (outcome.kind === "refused") return await lose(outcome.why);
  deps.metrics.challengeRedeemed(challenge);
  if (outcome.redemption.kind === "contact_changed" && replaces !== null) deps.wakeOutbox(now);
  deps.log.info(
    {
      challengeId: challenge.challengeId,
      outcome: outcome.redemption.kind,
      ...(challenge.isTest ? { test: true } : {}),
      correlationId: caller.correlationId,
    },
    "code redeemed",
  );
  await restoreOtherContacts(deps, challenge, outcome.redemption);
  return await resultOf(deps, caller, { challenge, redemption: outcome.redemption, provenAt: now });
}

/** Returns whether the requester of a live challenge has no newer live one for the same identifier and purpose. */
async function isNewest(deps: Deps, { clientId, identifierKey, requesterKey, purpose, challengeId }: Challenge) {
  const query = { clientId, identifierKey, requesterKey, purpose, now: deps.clock() };
  const newest = await deps.store.challenges.findNewest(query);
  // It may have ended since it was found.
  return newest === null || newest.challengeId === challengeId;
}

/** Throws UNAVAILABLE, before anything is spent, if only other processes can check the guess. */
async function refuseForeignKeys(deps: Deps, { codeHash, sealedProfile }: ChallengeToVerify): Promise<void> {
  await refuseForeignKey(deps, { use: "pepper", keyId: codeHash.pepperId }, "verify");
  if (sealedProfile === null) return;
  await refuseForeignKey(deps, { use: "master", keyId: deps.sealer.keyIdOf(sealedProfile) }, "verify");
}

function refuse(
  deps: Deps,
  caller: Caller,
  given: {
    readonly challengeId: string | null;
    readonly why: ChallengeRefusal;
    readonly lockedUntil: EpochMs | null;
    /** After this guess. */
    readonly attemptsLeft?: number | undefined;
  },
): never {
  const { challengeId, why, lockedUntil, attemptsLeft } = given;
  deps.metrics.guessRefused(why);
  deps.log.info({ challengeId, why, clientId: caller.client.clientId, correlationId: caller.correlationId }, "code refused");
  if (caller.confidential && lockedUntil !== null) throw accountLocked(lockedUntil, deps.clock());
  throw codeInvalid(caller, why, { attemptsLeft });
}

async function findEarlier(deps: Deps, caller: Caller, idempotency: Buffer | null): Promise<VerifyOtpResult | null> {
  if (idempotency === null) return null;
  const found = await deps.store.challenges.findRedemption({ idempotency, now: deps.clock() });
  if (found === null) return null;
  const { challenge, redemption } = found;
  // A session would have ended with the membership or its lock. Without one, the profile is for active members alone.
  if (redemption.kind === "signed_in" && redemption.session === null) {
    const member = await findMember(deps, caller.app, redemption.user.userId);
    if (member?.membership?.state !== "active") return null;
  }
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
  const { purpose, isTest } = challenge;
  const base = { purpose, contact, isTest, provenAt };
  switch (redemption.kind) {
    case "signed_in": {
      const { user, isNewUser, usernameTaken } = redemption;
      const membership = await findMembership(deps, caller, user.userId);
      const subject = { user, membership };
      const session = redemption.session && (await giveSession(deps, caller, { session: redemption.session, subject, now }));
      const own = ownMembership(caller.app, membership);
      return { kind: "signed_in", session, user, ...own, isNewUser, usernameTaken, ...base };
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
    case "contact_changed":
      return { kind: "contact_changed", ...(await currentUser(deps, caller, redemption.user)), ...base };
    case "contact_taken":
      throw new AuthError("CONTACT_TAKEN");
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
