import type { Caller } from "../model/caller.js";
import type { Challenge, Purpose } from "../model/challenge.js";
import { resendRefusalOf } from "../model/challenge-state.js";
import type { Channel } from "../model/channel.js";
import type { Identifier } from "../model/identifier.js";
import { canonicalIdentifier, channelReaches, defaultChannelFor, isContact } from "../model/identifier.js";
import type { Recipient } from "../store/port/challenges.js";
import { sendCharges } from "./budgets.js";
import type { Deps } from "./deps.js";
import { AuthError, accepted, invalidField } from "./errors.js";
import type { Idempotency } from "./idempotency.js";
import { idempotencyMac } from "./idempotency.js";
import { type Destination, deliverAt, issueChallenges } from "./issue-challenges.js";
import { tooManyRequests } from "./limits.js";

export interface SendOtpInput {
  /** As the caller wrote it. */
  readonly recipient:
    | { readonly kind: Identifier["kind"]; readonly value: string }
    | { readonly kind: "challenge"; readonly challengeId: string };
  readonly channel: Channel | undefined;
  readonly purpose: Purpose;
  readonly createUserIfMissing: boolean;
  /** Empty means the user's locale, or the default. */
  readonly locale: string;
  readonly idempotency: Idempotency;
}

/**
 * Creates a challenge and queues its code, or queues the code of an earlier challenge again. An identifier without a user gets
 * a decoy by the same steps, so that neither the answer nor its timing reveals users. No provider is called here.
 */
export async function sendOtp(deps: Deps, caller: Caller, input: SendOtpInput): Promise<Challenge> {
  return input.recipient.kind === "challenge"
    ? await resend(deps, caller, { challengeId: input.recipient.challengeId, ...input })
    : await send(deps, caller, {
        identifier: accepted(canonicalIdentifier(caller.policy, input.recipient.kind, input.recipient.value)),
        ...input,
      });
}

async function send(deps: Deps, caller: Caller, input: SendOtpInput & { readonly identifier: Identifier }): Promise<Challenge> {
  const { identifier, purpose, idempotency } = input;
  const channel = chosenChannel(caller, input);
  refusePurpose(caller, input);
  const [challenge] = await issueChallenges(deps, caller, {
    method: "SendOtp",
    idempotency,
    budget: "send",
    wanted: [{ purpose, channel, identifier }],
    findRecipient: true,
    destinationOf: (_wanted, recipient) => destinationOf(caller, input, recipient),
  });
  return challenge!;
}

async function resend(deps: Deps, caller: Caller, input: SendOtpInput & { readonly challengeId: string }): Promise<Challenge> {
  const { challengeId, channel } = input;
  const challenge = await deps.store.challenges.find(challengeId);
  if (challenge === null || challenge.clientId !== caller.client.clientId)
    throw codeInvalid("resend: unknown or another client's");
  const { identifierKey } = challenge;
  const requesterKey = deps.lookup.requester(caller.client.clientId, caller.address);
  const idempotency = idempotencyMac(deps, caller, { method: "SendOtp", requesterKey, idempotency: input.idempotency });
  const now = deps.clock();
  const why = resendRefusalOf(challenge, caller.client.clientId, now);
  if (why === null && channel !== undefined && channel !== challenge.channel) {
    throw new AuthError("CHANNEL_UNAVAILABLE", { detail: "a code can only be sent again over its first channel" });
  }
  const dueAt = deliverAt(caller.policy, now);
  const resent = await deps.store.challenges.resend({
    challengeId,
    clientId: caller.client.clientId,
    requesterKey,
    idempotency,
    charges: sendCharges(caller.policy, { identifierKey, requesterKey, channel: challenge.channel }),
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

function chosenChannel(caller: Caller, input: SendOtpInput & { readonly identifier: Identifier }): Channel {
  const channel = input.channel ?? defaultChannelFor(caller.policy, input.identifier);
  if (!caller.policy.channels.includes(channel) || !channelReaches(channel, input.identifier)) {
    throw new AuthError("CHANNEL_UNAVAILABLE", { detail: channel });
  }
  return channel;
}

function refusePurpose(caller: Caller, { purpose, identifier }: { purpose: Purpose; identifier: Identifier }): void {
  const allowed = purpose === "login" || (purpose === "verify_contact" && caller.policy.publicContactProofs);
  if (!allowed) throw new AuthError("PURPOSE_NOT_ALLOWED", { detail: purpose });
  if (purpose === "verify_contact" && identifier.kind === "username") {
    throw invalidField("username", "a username cannot be proven: give the e-mail address or phone number");
  }
}

/** Returns the contact that the code goes to, with its user. A decoy's code is never sent. */
function destinationOf(
  caller: Caller,
  input: SendOtpInput & { readonly identifier: Identifier },
  recipient: Recipient | null,
): Destination {
  const { identifier } = input;
  const locale = input.locale || recipient?.locale || "";
  const named = isContact(identifier) ? identifier : null;
  if (input.purpose === "verify_contact") return { contact: named, userId: null, decoy: false, locale };
  if (recipient !== null && recipient.contact !== null) {
    return { contact: recipient.contact, userId: recipient.userId, decoy: false, locale };
  }
  const registers = input.createUserIfMissing && caller.policy.autoRegistration && named !== null;
  return { contact: named, userId: null, decoy: !registers, locale };
}
