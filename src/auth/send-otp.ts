import { resendRefusalOf } from "../model/challenge-state.js";
import type { Challenge, Channel, Identifier, Purpose, Recipient } from "../store/store.js";
import { sendClaims, sendGuard } from "./budgets.js";
import type { Caller, Deps, Idempotency } from "./deps.js";
import { AuthError, invalidField } from "./errors.js";
import { idempotencyMac } from "./idempotency.js";
import { canonicalIdentifier, channelReaches, defaultChannel } from "../model/identifier.js";
import { tooManyRequests } from "./limits.js";
import { type ChallengePlan, deliverAt, draftChallenge } from "./new-challenge.js";

export interface SendOtpInput {
  /** As the caller wrote it. */
  readonly to:
    | { readonly kind: Identifier["kind"]; readonly value: string }
    | { readonly kind: "challenge"; readonly challengeId: string };
  readonly channel: Channel | undefined;
  readonly purpose: Purpose;
  readonly createUserIfMissing: boolean;
  /** Empty: the user's, else the default. */
  readonly locale: string;
  readonly idempotency: Idempotency;
}

/**
 * Makes a challenge and queues its code, or queues the code of an earlier challenge again. An identifier nobody has gets a decoy by
 * the same steps, so neither the answer nor its time tells who is a user. No provider is called here.
 */
export async function sendOtp(deps: Deps, caller: Caller, input: SendOtpInput): Promise<Challenge> {
  return input.to.kind === "challenge"
    ? await resend(deps, caller, { challengeId: input.to.challengeId, ...input })
    : await send(deps, caller, { identifier: canonicalIdentifier(deps.policy, input.to.kind, input.to.value), ...input });
}

async function send(deps: Deps, caller: Caller, input: SendOtpInput & { readonly identifier: Identifier }): Promise<Challenge> {
  const { store, policy } = deps;
  const { identifier, purpose } = input;
  const channel = chosenChannel(deps, input);
  refusePurpose(deps, input);
  const identifierKey = deps.lookup.identifier(identifier);
  const requesterKey = deps.lookup.requester(caller.clientId, caller.address);
  const idempotency = idempotencyMac(deps, caller, { method: "SendOtp", requesterKey, idempotency: input.idempotency });
  const guard = sendGuard(policy, { identifierKey, requesterKey, channel, purpose });
  const askedAt = deps.clock();
  const prepared = await store.prepareSend({
    idempotency,
    recipientOf: { identifier, channel },
    guards: [guard],
    now: askedAt,
  });
  if (prepared.kind === "replayed") return prepared.challenges[0]!;
  if (prepared.kind === "limited") throw tooManyRequests(deps, "send", prepared, askedAt);

  const target = targetOf(deps, input, prepared.recipient);
  const locale = input.locale || prepared.recipient?.locale || "";
  const plan: ChallengePlan = { purpose, channel, identifier, locale, identifierKey, requesterKey, ...target };
  const draft = await deps.codes.withSlot("send", caller, (slot) => draftChallenge(deps, slot, { plan, caller }));
  const now = deps.clock();
  const dueAt = deliverAt(policy, now);
  const challenges = [{ challenge: { expiresAt: now + policy.codeTtlMs, ...draft }, guard }];
  const issued = await store.issueChallenges({
    idempotency,
    registration: null,
    challenges,
    deliverAt: dueAt,
    now,
  });
  if (issued.kind === "limited") throw tooManyRequests(deps, "send", issued, now);
  const challenge = issued.challenges[0]!;
  if (issued.kind === "issued") {
    deps.wakeOutbox(dueAt);
    deps.metrics.challengeIssued(challenge, target.decoy);
    const { challengeId } = challenge;
    const { clientId, correlationId } = caller;
    deps.log.info({ challengeId, purpose, channel, clientId, correlationId }, "challenge issued");
  }
  return challenge;
}

async function resend(deps: Deps, caller: Caller, input: SendOtpInput & { readonly challengeId: string }): Promise<Challenge> {
  const { challengeId, channel } = input;
  const challenge = await deps.store.findChallenge(challengeId);
  if (challenge === null || challenge.clientId !== caller.clientId) throw codeInvalid("resend: unknown or another client's");
  const { identifierKey } = challenge;
  const requesterKey = deps.lookup.requester(caller.clientId, caller.address);
  const idempotency = idempotencyMac(deps, caller, { method: "SendOtp", requesterKey, idempotency: input.idempotency });
  const now = deps.clock();
  const why = resendRefusalOf(challenge, caller.clientId, now);
  if (why === null && channel !== undefined && channel !== challenge.channel) {
    throw new AuthError("CHANNEL_UNAVAILABLE", { detail: "a code is sent again the way it was sent" });
  }
  const dueAt = deliverAt(deps.policy, now);
  const resent = await deps.store.resendChallenge({
    challengeId,
    clientId: caller.clientId,
    requesterKey,
    idempotency,
    claims: sendClaims(deps.policy, { identifierKey, requesterKey, channel: challenge.channel }),
    deliverAt: dueAt,
    now,
  });
  if (resent.kind === "limited") throw tooManyRequests(deps, "resend", resent, now);
  if (resent.kind === "refused") throw codeInvalid(`resend: ${resent.why}`);
  if (resent.kind === "resent") {
    deps.wakeOutbox(dueAt);
    deps.metrics.challengeResent(resent.challenge);
    deps.log.info({ challengeId, sends: resent.challenge.sends, correlationId: caller.correlationId }, "challenge resent");
  }
  return resent.challenge;
}

function codeInvalid(detail: string): AuthError {
  return new AuthError("CODE_INVALID", { detail });
}

function chosenChannel(deps: Deps, input: SendOtpInput & { readonly identifier: Identifier }): Channel {
  const channel = input.channel ?? defaultChannel(deps.policy, input.identifier);
  if (!deps.policy.channels.includes(channel) || !channelReaches(channel, input.identifier)) {
    throw new AuthError("CHANNEL_UNAVAILABLE", { detail: channel });
  }
  return channel;
}

function refusePurpose(deps: Deps, { purpose, identifier }: { purpose: Purpose; identifier: Identifier }): void {
  const allowed = purpose === "login" || (purpose === "verify_contact" && deps.policy.publicContactProofs);
  if (!allowed) throw new AuthError("PURPOSE_NOT_ALLOWED", { detail: purpose });
  if (purpose === "verify_contact" && identifier.kind === "username") {
    throw invalidField("username", "a user name can't be proven: give the e-mail address or phone number itself");
  }
}

/** Whom the code goes to, or that it goes to nobody. */
function targetOf(
  deps: Deps,
  input: SendOtpInput & { readonly identifier: Identifier },
  recipient: Recipient | null,
): Pick<ChallengePlan, "contact" | "userId" | "decoy"> {
  const { identifier } = input;
  const named = identifier.kind === "username" ? null : identifier;
  if (input.purpose === "verify_contact") return { contact: named, userId: null, decoy: false };
  if (recipient !== null && recipient.contact !== null) {
    return { contact: recipient.contact, userId: recipient.userId, decoy: false };
  }
  const registers = input.createUserIfMissing && deps.policy.autoRegistration && named !== null;
  return { contact: named, userId: null, decoy: !registers };
}
