import type { Caller } from "../model/caller.js";
import type { ChallengeRefusal } from "../model/challenge.js";
import { AuthError } from "./errors.js";

/** The exact cause that confidential clients get. A decoy gives the cause of a wrong code. */
const causes: Readonly<Record<ChallengeRefusal, string>> = {
  unknown: "UNKNOWN",
  foreign_client: "UNKNOWN",
  expired: "EXPIRED",
  consumed: "CONSUMED",
  cancelled: "CANCELLED",
  attempts_exhausted: "ATTEMPTS_EXHAUSTED",
  sends_exhausted: "SENDS_EXHAUSTED",
  mismatch: "MISMATCH",
  decoy: "MISMATCH",
  test_ended: "MISMATCH",
  user_gone: "MISMATCH",
  user_locked: "USER_LOCKED",
  contact_disabled: "CONTACT_DISABLED",
  hook_running: "HOOK_RUNNING",
  account_locked: "MISMATCH",
  user_budget_spent: "TOO_MANY_GUESSES",
  not_expected: "NOT_EXPECTED",
  superseded: "SUPERSEDED",
  profile_lost: "UNKNOWN",
};

export function causeOf(why: ChallengeRefusal): string {
  return causes[why];
}

/**
 * Returns CODE_INVALID. Public clients get the same error for every reason, confidential ones get the cause, and after a wrong code
 * how many guesses are left.
 */
export function codeInvalid(
  caller: Caller,
  why: ChallengeRefusal,
  { step = "verify", attemptsLeft }: { readonly step?: string; readonly attemptsLeft?: number | undefined } = {},
): AuthError {
  const detail = `${step}: ${why}`;
  if (!caller.confidential) return new AuthError("CODE_INVALID", { detail });
  const cause = causes[why];
  const metadata: Record<string, string> = { cause };
  if (cause === "MISMATCH" && attemptsLeft !== undefined) metadata.attempts_left = String(attemptsLeft);
  return new AuthError("CODE_INVALID", { detail, metadata });
}
