import type { Caller } from "../model/caller.js";
import type { ChallengeRefusal, Purpose } from "../model/challenge.js";
import type { Contact } from "../model/contact.js";
import { canonicalContact } from "../model/identifier.js";
import { testIdentifierOf } from "../model/test-identifier.js";
import type { EpochMs } from "../model/time.js";
import { contactFailuresMax } from "../model/user.js";
import { isViolation } from "../model/violation.js";
import type { BudgetReturn, Limited } from "../store/port/budgets.js";
import type { AttemptOutcome, ChallengeToVerify } from "../store/port/challenges.js";
import { failureCharges } from "./brakes.js";
import { type GuessLook, guessCharges, guessLook, guessReturns } from "./budgets.js";
import type { Deps } from "./deps.js";
import { tooManyRequests } from "./limits.js";
import { lockoutRule } from "./lockout.js";
import { codeBinding } from "./new-challenge.js";
import { requesterKeyOf } from "./requester.js";

/** A code that a caller typed, and the challenge that it must be for. */
export interface GuessInput {
  /** As typed; spaces and hyphens are ignored. */
  readonly code: string;
  readonly expectedPurpose: Purpose | undefined;
  /** Empty means any contact. */
  readonly expectedContact: string;
}

export interface Guess {
  /** Null if the guess is right. */
  readonly why: ChallengeRefusal | null;
  /** The end of the lockout, if `why` is `account_locked`. */
  readonly lockedUntil: EpochMs | null;
  /** The budget units that the redemption of this guess gives back. */
  readonly returns: readonly BudgetReturn[];
  /** The lockout that the redemption of this guess clears. */
  readonly lockoutKey: Uint8Array | null;
}

/** Returns what is looked at with the challenge, before a guess takes a place in the queue of hashes. */
export function lookOfGuess(deps: Deps, caller: Caller): GuessLook {
  const requesterKey = requesterKeyOf(deps, caller);
  return guessLook(caller.policy, { requesterKey, network: failureCharges(deps, caller), now: deps.clock() });
}

/** Spends an attempt and compares the code. Every guess costs the same hash. Throws TOO_MANY_REQUESTS if a budget is spent. */
export async function takeGuess(
  deps: Deps,
  caller: Caller,
  given: {
    readonly challenge: ChallengeToVerify;
    readonly input: GuessInput;
    readonly look: GuessLook;
    /** What the look found. */
    readonly limited: Limited | null;
  },
): Promise<Guess> {
  const { challenge, input, look, limited } = given;
  // Callers with a spent budget could fill the queue otherwise.
  if (limited !== null) throw tooManyRequests(deps, "guess", limited, look.now);
  const requesterKey = requesterKeyOf(deps, caller);
  const { contact, poolId } = challenge;
  const contactKey = contact === null ? null : deps.lookup.identifier(poolId, contact);
  const charges = guessCharges(caller.policy, challenge, { requesterKey, contactKey, network: look.charges });
  const lockout = lockoutRule(deps, caller, challenge);
  return await deps.codes.withPlace(caller, async (place) => {
    const takenAt = deps.clock();
    const spent = { returns: guessReturns(charges, takenAt), lockoutKey: lockout?.key ?? null };
    const attempt = await deps.store.challenges.takeAttempt({
      challengeId: challenge.challengeId,
      clientId: caller.client.clientId,
      now: takenAt,
      lockout,
      ...charges,
    });
    if (attempt.kind === "limited") throw tooManyRequests(deps, "guess", attempt, takenAt);
    if (attempt.kind === "refused") return { why: attempt.why, lockedUntil: null, ...spent };
    const code = input.code.replace(/[ -]/g, "");
    const right = await place.matches(code, codeBinding(challenge), challenge.codeHash);
    const hasEnded = challenge.isTest && testIdentifierOf(caller.app.testIdentifiers, contact, takenAt)?.code !== code;
    const why = refusalOfGuess(caller, challenge, { input, attempt, right, hasEnded });
    return { why, lockedUntil: attempt.lockedUntil, ...spent };
  });
}

/**
 * Returns why a guess fails, or null if it succeeds. A locked account, a spent budget and a disabled contact come first, so that
 * the reason does not reveal whether the code was right.
 */
function refusalOfGuess(
  caller: Caller,
  challenge: ChallengeToVerify,
  guess: {
    readonly input: GuessInput;
    readonly attempt: AttemptOutcome & { readonly kind: "taken" };
    readonly right: boolean;
    /** Whether the code is not that of a test identifier any more. */
    readonly hasEnded: boolean;
  },
): ChallengeRefusal | null {
  const { input, attempt, right, hasEnded } = guess;
  if (attempt.lockedUntil !== null) return "account_locked";
  if (attempt.userBudgetSpent) return "user_budget_spent";
  if (attempt.failures >= contactFailuresMax) return "contact_disabled";
  if (!right) return "mismatch";
  if (challenge.decoy) return "decoy";
  if (hasEnded) return "test_ended";
  if (input.expectedPurpose !== undefined && input.expectedPurpose !== challenge.purpose) return "not_expected";
  return isExpectedContact(caller, challenge.contact, input.expectedContact) ? null : "not_expected";
}

function isExpectedContact(caller: Caller, contact: Contact | null, expected: string): boolean {
  if (expected === "") return true;
  if (contact === null) return false;
  const canonical = canonicalContact(caller.policy, contact.kind, expected);
  return !isViolation(canonical) && canonical.value === contact.value;
}
