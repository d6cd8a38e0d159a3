import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Static } from "typebox";
import { type Challenge, ChallengeState, Channel } from "../../../../gen/latchkey/v1/challenge_pb.js";
import type { Account } from "./look.js";
import type { verificationResponse } from "./schemas.js";
import { attemptSidOf, verificationSidOf } from "./sids.js";

/** Twilio's names of channels. */
const channels: Readonly<Partial<Record<Channel, string>>> = {
  [Channel.SMS]: "sms",
  [Channel.VOICE]: "call",
  [Channel.EMAIL]: "email",
  [Channel.WHATSAPP]: "whatsapp",
};

/** `auto` leaves the choice to the service. */
export const channelsByName = {
  sms: Channel.SMS,
  call: Channel.VOICE,
  email: Channel.EMAIL,
  whatsapp: Channel.WHATSAPP,
  auto: Channel.UNSPECIFIED,
} as const;

const statuses = {
  [ChallengeState.PENDING]: "pending",
  [ChallengeState.REDEEMED]: "approved",
  [ChallengeState.CANCELLED]: "canceled",
  [ChallengeState.EXHAUSTED]: "max_attempts_reached",
} as const;

type Status = (typeof statuses)[keyof typeof statuses];

type Given = Pick<Account, "accountSid" | "service"> & { readonly challenge: Challenge };

/** The fields that a verification and a check have in common. Other ends of a verification have no resource any more. */
export function commonOf(
  { challenge, accountSid, service }: Given,
  last: { readonly status?: Status; readonly channel?: Channel } = {},
) {
  const { challengeId, destination, sends } = challenge;
  const status = last.status ?? statuses[challenge.state as keyof typeof statuses] ?? "pending";
  const times = sends.map(({ requestedAt }) => timestampDate(requestedAt!).toISOString());
  return {
    sid: verificationSidOf(challengeId),
    service_sid: service,
    account_sid: accountSid,
    to: destination,
    channel: channels[last.channel || challenge.channel] ?? "sms",
    status,
    valid: status === "approved",
    amount: null,
    payee: null,
    date_created: times[0]!,
    date_updated: times.at(-1)!,
  };
}

/** `last` has the channel of the latest send, if it is known. The API keeps that of the first. */
export function toVerification(
  given: Given,
  issuer: string,
  last: { readonly status?: Status; readonly channel?: Channel } = {},
): Static<typeof verificationResponse> {
  const { challenge, service } = given;
  const common = commonOf(given, last);
  const latest = challenge.sends.length - 1;
  return {
    ...common,
    lookup: {},
    send_code_attempts: challenge.sends.map(({ requestedAt }, index) => ({
      time: timestampDate(requestedAt!).toISOString(),
      channel: index === latest ? common.channel : (channels[challenge.channel] ?? "sms"),
      attempt_sid: attemptSidOf(challenge.challengeId, index),
    })),
    sna: null,
    url: `${issuer}/v2/Services/${service}/Verifications/${common.sid}`,
  };
}
