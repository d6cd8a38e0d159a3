import type { App } from "../model/app.js";
import type { Caller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
import type { EpochMs } from "../model/time.js";
import type { NewMembership } from "../model/user.js";
import type { RedeemChange, RedeemOutcome } from "../store/port/redemption.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";
import { hookTimeoutMs } from "./registration-hook.js";

/**
 * How long a call has the hook of a challenge to itself: the time for the answer, and 3 s for the redemption that follows. A call
 * that has not redeemed the code by then has failed.
 */
const hookClaimMs = hookTimeoutMs + 3_000;

type Redeemed = Exclude<RedeemOutcome, { readonly kind: "would_register" }>;

export interface RedeemInput {
  readonly challenge: Challenge;
  /** False: the code must not create or join a person. */
  readonly mayRegister: boolean;
  readonly change: Omit<RedeemChange, "challengeId" | "newMembership" | "now">;
}

/**
 * Redeems a challenge whose code was right. If that would create or join a person, it asks the app's registration hook first. One
 * call at a time asks for a challenge; if the store fails after the answer, a repeat may ask again. Throws REGISTRATION_REFUSED if
 * the hook refuses; the challenge has then ended. `now` is the time of the redemption.
 */
export async function redeem(
  deps: Deps,
  caller: Caller,
  { challenge, mayRegister, change }: RedeemInput,
): Promise<{ readonly outcome: Redeemed; readonly now: EpochMs }> {
  const { challengeId } = challenge;
  const attempt = async (newMembership: NewMembership | null) => {
    const now = deps.clock();
    return { outcome: await deps.store.challenges.redeem({ challengeId, newMembership, now, ...change }), now };
  };
  const asksHook = caller.app.registrationHook !== null;
  const { outcome, now } = await attempt(mayRegister && !asksHook ? newMembershipOf(caller.app, "") : null);
  if (outcome.kind !== "would_register") return { outcome, now };
  if (!mayRegister) return { outcome: { kind: "refused", why: "not_expected" }, now };

  const claimed = await deps.store.challenges.claimHook({ challengeId, claimMs: hookClaimMs, now: deps.clock() });
  if (!claimed) return { outcome: { kind: "refused", why: "hook_running" }, now };
  const { userId: _, ...profile } = change.newUser;
  const answer = await deps.askRegistrationHook({
    app: caller.app,
    challengeId,
    clientId: caller.client.clientId,
    correlationId: caller.correlationId,
    isTest: challenge.isTest,
    contacts: outcome.contacts,
    profile: outcome.isNewToPool ? profile : null,
  });
  if (answer.kind === "refused") throw await refusal(deps, caller, { challengeId, reason: answer.reason, change });
  const second = await attempt({ ...newMembershipOf(caller.app, answer.appAttributes), roles: answer.roles });
  if (second.outcome.kind === "would_register") throw new Error("a redemption with a membership did not use it");
  return { outcome: second.outcome, now: second.now };
}

/** What a sign-in says about a person who joins the app by it. */
function newMembershipOf({ ownerOrganization }: App, appAttributes: string): NewMembership {
  return { roles: [], kind: "", ownerOrganization, externalId: null, appAttributes, credentialType: "otp", state: "active" };
}

async function refusal(
  deps: Deps,
  { app }: Caller,
  given: { readonly challengeId: string; readonly reason: string; readonly change: RedeemInput["change"] },
): Promise<AuthError> {
  const { appId } = app;
  const { challengeId, reason, change } = given;
  await deps.store.challenges.end({ challengeId, appId, how: "cancel", sendReturns: [], now: deps.clock() });
  // The code was right, so the guess was no failure of the contact, its requester or the account.
  const { returns, lockoutKey } = change;
  const failures = returns.map(({ key }) => key);
  await deps.store.budgets.forgive({ spent: [], failures, lockouts: lockoutKey === null ? [] : [lockoutKey] });
  return new AuthError("REGISTRATION_REFUSED", reason === "" ? {} : { metadata: { cause: reason } });
}
