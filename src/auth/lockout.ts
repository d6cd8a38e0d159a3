import type { Caller } from "../model/caller.js";
import type { EpochMs } from "../model/time.js";
import type { ChallengeToVerify, LockoutRule, Recipient } from "../store/port/challenges.js";
import { accountOf } from "./budgets.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";

/** The fields that name the account of a challenge. */
type Account = Pick<ChallengeToVerify, "identifierKey" | "contactUserId">;

/** Returns the lockout rule of the account that a challenge belongs to. Null if the app locks no accounts. */
export function lockoutRule(deps: Deps, caller: Caller, account: Account): LockoutRule | null {
  const { failuresMax, durationMs } = caller.policy.lockout;
  if (failuresMax === 0) return null;
  return { key: deps.lookup.lockout(caller.app.appId, accountOf(account)), failuresMax, durationMs };
}

/**
 * Throws ACCOUNT_LOCKED if the account is locked and the caller is a confidential client. Public clients must not learn it: their
 * calls continue as for any other account.
 */
export async function refuseLocked(deps: Deps, caller: Caller, account: Account): Promise<void> {
  const rule = caller.confidential ? lockoutRule(deps, caller, account) : null;
  if (rule === null) return;
  const now = deps.clock();
  const lockedUntil = await deps.store.challenges.findLockout({ key: rule.key, now });
  if (lockedUntil !== null) throw accountLocked(lockedUntil, now);
}

/**
 * Throws USER_LOCKED if an administrator has locked the recipient and the caller is a confidential client. Code that was written for
 * a vendor passes such an answer on to its users, so a call over a vendor's path gets it only if the app reveals its users.
 */
export function refuseLockedUser({ confidential, throughDialect, policy }: Caller, recipient: Recipient | null): void {
  const mayLearn = confidential && (throughDialect !== true || policy.revealUsers);
  if (mayLearn && recipient?.standing === "locked") throw new AuthError("USER_LOCKED");
}

/** Returns the error for confidential clients, with the time that the lockout lasts. */
export function accountLocked(lockedUntil: EpochMs, now: EpochMs): AuthError {
  return new AuthError("ACCOUNT_LOCKED", { retryAfterMs: Math.max(lockedUntil - now, 1) });
}
