import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ManagedChallenge } from "../../auth/manage-challenge.js";
import {
  Alphabet,
  type ChallengeSchema,
  ChallengeSendSchema,
  ChallengeState,
  Channel,
  Purpose,
} from "../../gen/latchkey/v1/challenge_pb.js";
import type * as challenges from "../../model/challenge.js";
import { stateOf } from "../../model/challenge-state.js";
import type * as delivery from "../../model/channel.js";
import type { EpochMs } from "../../model/time.js";
import { keyOf } from "./enums.js";

const purposes = {
  login: Purpose.LOGIN,
  registration: Purpose.REGISTRATION,
  verify_contact: Purpose.VERIFY_CONTACT,
  change_contact: Purpose.CHANGE_CONTACT,
} satisfies Record<challenges.Purpose, Purpose>;

const channels = {
  email: Channel.EMAIL,
  sms: Channel.SMS,
  whatsapp: Channel.WHATSAPP,
  voice: Channel.VOICE,
  ussd: Channel.USSD,
} satisfies Record<delivery.Channel, Channel>;

export const toPurpose = (purpose: challenges.Purpose): Purpose => purposes[purpose];
export const fromPurpose = (purpose: Purpose): challenges.Purpose | undefined => keyOf(purposes, purpose);
export const toChannel = (channel: delivery.Channel): Channel => channels[channel];
export const fromChannel = (channel: Channel): delivery.Channel | undefined => keyOf(channels, channel);

export function toChallenge(challenge: challenges.Challenge): MessageInitShape<typeof ChallengeSchema> {
  return {
    challengeId: challenge.challengeId,
    channel: channels[challenge.channel],
    maskedDestination: challenge.maskedDestination,
    codeLength: challenge.codeLength,
    alphabet: Alphabet.DIGITS,
    expiresAt: timestampFromMs(challenge.expiresAt),
    resendAt: timestampFromMs(challenge.resendAt),
    sendsLeft: Math.max(0, challenge.sendsMax - challenge.sends),
  };
}

const states = {
  pending: ChallengeState.PENDING,
  redeemed: ChallengeState.REDEEMED,
  expired: ChallengeState.EXPIRED,
  cancelled: ChallengeState.CANCELLED,
  exhausted: ChallengeState.EXHAUSTED,
} satisfies Record<challenges.ChallengeState, ChallengeState>;

/** As `toChallenge`, with the fields for callers that manage challenges. */
export function toManagedChallenge(
  { challenge, sentAt }: ManagedChallenge,
  now: EpochMs,
): MessageInitShape<typeof ChallengeSchema> {
  return {
    ...toChallenge(challenge),
    purpose: toPurpose(challenge.purpose),
    state: states[stateOf(challenge, now)],
    attemptsLeft: Math.max(0, challenge.attemptsMax - challenge.attempts),
    sends: sentAt.map((at) => create(ChallengeSendSchema, { requestedAt: timestampFromMs(at) })),
    // A part of it was shown, so the request named it.
    destination: challenge.maskedDestination === "" ? "" : (challenge.contact?.value ?? ""),
  };
}
