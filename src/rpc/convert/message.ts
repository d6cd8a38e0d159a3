import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, type Timestamp, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type DeliveryStatsSchema,
  type ListMessagesRequest,
  ProviderState,
  type ProviderStatusSchema,
  type PutProviderRequest,
} from "../../gen/latchkey/v1/delivery_service_pb.js";
import { type MessageSchema, MessageStatus, MessageTryResult } from "../../gen/latchkey/v1/message_pb.js";
import type { DeliveryStats } from "../../messages/delivery-sums.js";
import type { ListMessagesInput } from "../../messages/list-messages.js";
import type { PutProviderInput } from "../../messages/put-provider.js";
import type { CarrierStatus } from "../../model/carrier.js";
import type * as messages from "../../model/message.js";
import type { EpochMs } from "../../model/time.js";
import { fromChannel, toChannel, toPurpose } from "./challenge.js";
import { keyOf } from "./enums.js";

const statuses = {
  queued: MessageStatus.QUEUED,
  sent: MessageStatus.SENT,
  expired: MessageStatus.EXPIRED,
  failed: MessageStatus.FAILED,
  undelivered: MessageStatus.UNDELIVERED,
  delivered: MessageStatus.DELIVERED,
  test: MessageStatus.TEST,
} satisfies Record<messages.MessageStatus, MessageStatus>;

const results = {
  sent: MessageTryResult.SENT,
  temporary: MessageTryResult.TEMPORARY,
  unavailable: MessageTryResult.UNAVAILABLE,
  permanent: MessageTryResult.PERMANENT,
  unknown: MessageTryResult.UNKNOWN,
} satisfies Record<messages.TryResult, MessageTryResult>;

export function toMessage(message: messages.StoredMessage): MessageInitShape<typeof MessageSchema> {
  const { messageId, appId, challengeId, maskedDestination, cause, price } = message;
  return {
    ...{ messageId: BigInt(messageId), appId, challengeId, maskedDestination, cause },
    userId: message.userId ?? "",
    purpose: toPurpose(message.purpose),
    channel: toChannel(message.channel),
    country: message.country ?? "",
    provider: message.provider ?? "",
    providerMessageId: message.providerMessageId ?? "",
    status: statuses[message.status],
    tries: message.tries.map(({ provider, result, endedAt, detail }) => ({
      ...{ provider, detail },
      result: results[result],
      endedAt: timestampFromMs(endedAt),
    })),
    segments: message.segments ?? 0,
    price: price ?? undefined,
    queuedAt: timestampFromMs(message.queuedAt),
    sentAt: toTime(message.sentAt),
    deliveredAt: toTime(message.deliveredAt),
    verifiedAt: toTime(message.verifiedAt),
  };
}

export function toStats(stats: DeliveryStats): MessageInitShape<typeof DeliveryStatsSchema> {
  const { medianMsToVerify } = stats;
  return {
    day: timestampFromMs(stats.day),
    country: stats.country ?? "",
    channel: toChannel(stats.channel),
    provider: stats.provider ?? "",
    sent: BigInt(stats.sent),
    delivered: BigInt(stats.delivered),
    verified: BigInt(stats.verified),
    cost: [...stats.cost],
    medianTimeToVerify: medianMsToVerify === null ? undefined : durationFromMs(medianMsToVerify),
  };
}

const states = { up: ProviderState.UP, down: ProviderState.DOWN } satisfies Record<
  CarrierStatus["health"]["state"],
  ProviderState
>;

export function toProviderStatus({
  appId,
  name,
  kind,
  channel,
  health,
  failing,
}: CarrierStatus): MessageInitShape<typeof ProviderStatusSchema> {
  const { state, since, lastError, sent, failed } = health;
  return {
    ...{ name, kind },
    appId: appId ?? "",
    channel: toChannel(channel),
    state: states[state],
    since: timestampFromMs(since),
    lastError: lastError?.detail ?? "",
    lastErrorAt: toTime(lastError?.at ?? null),
    sent: BigInt(sent),
    failed: BigInt(failed),
    failing: failing.map(({ country, since, verified, misses }) => ({
      country,
      since: timestampFromMs(since),
      verified,
      unverified: misses,
    })),
  };
}

/** Returns what a request restricts the list to. */
export function fromListMessages(request: ListMessagesRequest): Pick<ListMessagesInput, "recipient" | "filter"> {
  const { recipient, provider } = request;
  const kind = recipient.case === "userId" ? "user_id" : recipient.case;
  const filter = {
    status: keyOf(statuses, request.status),
    provider: provider === "" ? undefined : provider,
    from: fromTime(request.queuedFrom),
    to: fromTime(request.queuedTo),
  };
  return { recipient: kind === undefined ? null : { kind, value: recipient.value! }, filter };
}

export function fromPutProvider({ appId, name, channel, settings, position }: PutProviderRequest): PutProviderInput {
  const known = fromChannel(channel);
  if (known === undefined) throw new Error("validation accepted a request without a channel");
  const [url, gateway] = settings.case === "gateway" ? ["", settings.value] : [settings.value ?? "", ""];
  return { appId, name, channel: known, settings: { url, gateway }, position };
}

export function fromTime(time: Timestamp | undefined): EpochMs | undefined {
  return time === undefined ? undefined : timestampMs(time);
}

function toTime(at: EpochMs | null): Timestamp | undefined {
  return at === null ? undefined : timestampFromMs(at);
}
