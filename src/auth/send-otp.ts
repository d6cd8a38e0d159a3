import { isDeepStrictEqual } from "node:util";
import type { Caller } from "../model/caller.js";
import type { Challenge, Purpose } from "../model/challenge.js";
import { resendRefusalOf } from "../model/challenge-state.js";
import { type Channel, contactKindOf } from "../model/channel.js";
import type { Identifier } from "../model/identifier.js";
import { channelReaches, defaultChannelFor, isContact } from "../model/identifier.js";
import type { MessageWords } from "../model/wording.js";
import type { Recipient } from "../store/port/challenges.js";
import { identifierOf, mayNameByIdentifier } from "./challenge-target.js";
import { type CodeOptions, checkCodeOptions } from "./code-options.js";
import type { Deps } from "./deps.js";
import { AuthError, invalidField } from "./errors.js";
import type { Idempotency } from "./idempotency.js";
import { issueChallenges } from "./issue-challenges.js";
import { refuseMessageWords } from "./message-words.js";
import type { Destination } from "./new-challenge.js";
import { sealProfile } from "./profile.js";
import { refuseCountry } from "./refuse-country.js";
import { requesterKeyOf } from "./requester.js";
import { resendCode, tryResend } from "./resend-code.js";

export interface SendOtpInput {
  /** As the caller wrote it. */
  readonly recipient:
    | { readonly kind: Identifier["kind"]; readonly value: string }
    | { readonly kind: "challenge"; readonly challengeId: string };
  readonly channel: Channel | undefined;
  readonly purpose: Purpose;
  readonly createUserIfMissing: boolean;
  /** Whether the code of the newest live challenge is sent again, if there is one. */
  readonly reuseLive: boolean;
  readonly code: CodeOptions;
  /** Default: as the app says. */
  readonly words?: MessageWords | undefined;
  /** Empty means the user's locale, or the default. */
  readonly locale: string;
  /** Of the user that the code creates, as returned by `customAttributesText`. Default: none. */
  readonly customAttributes?: string;
  readonly idempotency: Idempotency;
}

type SendInput = SendOtpInput & { readonly identifier: Identifier; readonly channel: Channel };

/**
 * Creates a challenge and queues its code, or queues the code of an earlier challenge again. An identifier without a user gets
 * a decoy by the same steps, so that neither the answer nor its timing reveals users. An app that reveals its users refuses it as
 * USER_NOT_FOUND instead. No provider is called here.
 */
export async function sendOtp(deps: Deps, caller: Caller, input: SendOtpInput): Promise<Challenge> {
  const { recipient } = input;
  checkCodeOptions(caller, input);
  if (recipient.kind === "challenge") return await resendCode(deps, caller, { challengeId: recipient.challengeId, ...input });
  const identifier = identifierOf(caller, recipient);
  const channel = input.channel ?? defaultChannelFor(caller.policy, identifier);
  refusePurpose(caller, input.purpose, identifier);
  refuseChannel(caller, { purpose: input.purpose, channel, identifier });
  if (isContact(identifier)) refuseCountry(caller.policy, channel, identifier);
  refuseMessageWords(caller, input.words, channel);
  const given = { ...input, identifier, channel };
  return (input.reuseLive ? await sendLiveAgain(deps, caller, given) : null) ?? (await sendNew(deps, caller, given));
}

async function sendNew(deps: Deps, caller: Caller, input: SendInput): Promise<Challenge> {
  const { purpose, channel, identifier, idempotency, code, words, locale, customAttributes = "" } = input;
  const keepsProfile = customAttributes !== "" && purpose === "login" && input.createUserIfMissing;
  const profile = { username: null, displayName: "", locale, customAttributes };
  const [challenge] = await issueChallenges(deps, caller, {
    method: "SendOtp",
    idempotency,
    budget: "send",
    wanted: [{ purpose, channel, identifier }],
    code,
    words,
    findRecipient: true,
    destinationOf: (_wanted, recipient) => destinationOf(caller, input, recipient),
    revealed: ([destination]) => (destination!.isUnknown === true ? new AuthError("USER_NOT_FOUND") : null),
    // A decoy keeps one as well.
    ...(keepsProfile && { registration: () => sealProfile(deps, profile) }),
  });
  return challenge!;
}

/**
 * Returns null if there is no live challenge that can be sent again, or its message has other words than the request. A decoy is sent
 * again like any other.
 */
async function sendLiveAgain(deps: Deps, caller: Caller, input: SendInput): Promise<Challenge | null> {
  const { clientId } = caller.client;
  if (!mayNameByIdentifier(caller)) throw invalidField("reuse_live", "this client may not use it: resend with challenge_id");
  const { purpose, channel, identifier, idempotency } = input;
  const now = deps.clock();
  const newest = await deps.store.challenges.findNewest({
    clientId,
    identifierKey: deps.lookup.identifier(caller.app.poolId, identifier),
    requesterKey: requesterKeyOf(deps, caller),
    purpose,
    now,
  });
  if (
    newest === null ||
    (input.words !== undefined && !isDeepStrictEqual(input.words, newest.words)) ||
    contactKindOf[newest.channel] !== contactKindOf[channel] ||
    resendRefusalOf(newest, clientId, now) !== null
  )
    return null;
  const resent = await tryResend(deps, caller, { challengeId: newest.challengeId, channel, idempotency });
  // It may have ended since it was found.
  return typeof resent === "string" ? null : resent;
}

function refuseChannel(
  caller: Caller,
  { purpose, channel, identifier }: { readonly purpose: Purpose; readonly channel: Channel; readonly identifier: Identifier },
): void {
  // Any identifier may name the user for a confidential client. A proof is of the contact that the request names.
  const independent = caller.confidential && purpose === "login";
  if (caller.policy.channels.includes(channel) && (independent || channelReaches(channel, identifier))) return;
  throw new AuthError("CHANNEL_UNAVAILABLE", { detail: channel });
}

function refusePurpose(caller: Caller, purpose: Purpose, identifier: Identifier): void {
  const { codeSignIn, publicContactProofs } = caller.policy;
  const allowed =
    (purpose === "login" && codeSignIn) || (purpose === "verify_contact" && (caller.confidential || publicContactProofs));
  if (!allowed) throw new AuthError("PURPOSE_NOT_ALLOWED", { detail: purpose });
  if (purpose === "verify_contact" && !isContact(identifier)) {
    throw invalidField(identifier.kind, "only a contact can be proven: give the e-mail address or phone number");
  }
}

/**
 * Returns the contact that the code goes to, with its user. A decoy's code is never sent. A person of the pool who is no member of
 * the app is unknown to it, and a member that can't sign in looks unknown.
 */
function destinationOf(caller: Caller, input: SendInput, recipient: Recipient | null): Destination {
  const { identifier, channel } = input;
  const known = recipient?.standing === "stranger" ? null : recipient;
  const locale = input.locale || known?.locale || "";
  const named = isContact(identifier) && channelReaches(channel, identifier) ? identifier : null;
  if (input.purpose === "verify_contact") return { contact: named, userId: null, decoy: false, locale };
  if (known !== null && known.standing !== "member") return { contact: named, userId: null, decoy: true, locale };
  if (known !== null && known.contact !== null) {
    return { contact: known.contact, userId: known.userId, decoy: false, locale };
  }
  const registers = input.createUserIfMissing && caller.policy.autoRegistration && named !== null;
  return { contact: named, userId: null, decoy: !registers, locale, isUnknown: known === null && !registers };
}
