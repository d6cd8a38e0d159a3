import type { Caller } from "../model/caller.js";
import type { Challenge, ChallengeRefusal } from "../model/challenge.js";
import { resendRefusalOf } from "../model/challenge-state.js";
import { type Channel, contactKindOf } from "../model/channel.js";
import { messageCharges, numberCharges, sendCallCharges } from "./brakes.js";
import { ownSendsKey, sendCharges } from "./budgets.js";
import { findInApp } from "./challenge-target.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";
import { type Idempotency, idempotencyMac } from "./idempotency.js";
import { deliverAt } from "./issue-challenges.js";
import { tooManyRequests } from "./limits.js";
import { refuseLocked } from "./lockout.js";
import { codeInvalid } from "./refusals.js";
import { requesterKeyOf } from "./requester.js";

export interface ResendInput {
  readonly challengeId: string;
  /** A channel that reaches the same contact. Undefined means the first one. */
  readonly channel: Channel | undefined;
  readonly idempotency: Idempotency;
}

/** Queues the code of a live challenge again: the same code to the same contact. Throws CODE_INVALID if there is none. */
export async function resendCode(deps: Deps, caller: Caller, input: ResendInput): Promise<Challenge> {
  const outcome = await tryResend(deps, caller, input);
  if (typeof outcome === "string") throw codeInvalid(caller, outcome, { step: "resend" });
  return outcome;
}

/** As `resendCode`, but returns why the code of the challenge can't be sent again. */
export async function tryResend(deps: Deps, caller: Caller, input: ResendInput): Promise<Challenge | ChallengeRefusal> {
  const { challengeId } = input;
  const { clientId } = caller.client;
  const challenge = await findInApp(deps, caller, challengeId);
  if (challenge === null || challenge.clientId !== clientId) return "unknown";
  if (challenge.purpose === "login" && !caller.policy.codeSignIn) {
    throw new AuthError("PURPOSE_NOT_ALLOWED", { detail: "sign-in by code is switched off" });
  }
  await refuseLocked(deps, caller, challenge);
  const { budgetKey } = challenge;
  const requesterKey = requesterKeyOf(deps, caller);
  const idempotency = idempotencyMac(deps, caller, { method: "SendOtp", requesterKey, idempotency: input.idempotency });
  const now = deps.clock();
  const why = resendRefusalOf(challenge, clientId, now);
  const channel = input.channel ?? challenge.channel;
  if (why === null && channel !== challenge.channel) refuseOtherChannel(caller, challenge, channel);
  const ownCharges = sendCharges(caller.policy, { budgetKey, requesterKey, channel });
  const ownSends = ownSendsKey({ budgetKey, requesterKey });
  const charges = [...ownCharges, ...sendCallCharges(deps, caller, ownSends), ...messageCharges(caller, channel)];
  // The request that began the challenge named the contact if the answer showed a part of it.
  const isNamed = challenge.maskedDestination !== "";
  const { shown, hidden } = numberCharges(deps, caller, { ...challenge, channel, isNamed });
  const dueAt = deliverAt(caller.policy, now);
  const resent = await deps.store.challenges.resend({
    challengeId,
    clientId,
    requesterKey,
    idempotency,
    charges: [...charges, ...shown],
    hidden,
    channel: channel === challenge.channel ? null : channel,
    deliverAt: dueAt,
    now,
  });
  if (resent.kind === "limited") throw tooManyRequests(deps, "resend", resent, now);
  if (resent.kind === "refused") return resent.why;
  if (resent.kind === "resent") {
    if (resent.isMuted) deps.metrics.budgetRefused("hidden_number");
    deps.wakeOutbox(dueAt);
    deps.metrics.challengeResent(resent.challenge);
    deps.log.info({ challengeId, sends: resent.challenge.sends, correlationId: caller.correlationId }, "challenge resent");
  }
  return { ...resent.challenge, channel };
}

/** A code proves one contact. So it is sent again only over channels that deliver to the kind of contact that got it first. */
function refuseOtherChannel(caller: Caller, challenge: Challenge, channel: Channel): void {
  if (!caller.policy.channels.includes(channel)) throw new AuthError("CHANNEL_UNAVAILABLE", { detail: channel });
  if (contactKindOf[channel] !== contactKindOf[challenge.channel]) {
    throw new AuthError("CHANNEL_UNAVAILABLE", { detail: "the channel can't reach the contact that the code was sent to" });
  }
}
