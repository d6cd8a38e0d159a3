import { type DeliveryService, RetryMessageRequestSchema } from "../../gen/latchkey/v1/delivery_service_pb.js";
import { deleteProvider } from "../../messages/delete-provider.js";
import { getDeliveryStats } from "../../messages/get-delivery-stats.js";
import { getMessage } from "../../messages/get-message.js";
import { listMessages } from "../../messages/list-messages.js";
import { type ListProvidersDeps, listProviders } from "../../messages/list-providers.js";
import { type PutProviderDeps, putProvider } from "../../messages/put-provider.js";
import { retryMessage } from "../../messages/retry-message.js";
import { type TestProviderDeps, testProvider } from "../../messages/test-provider.js";
import { actorOf } from "../actor.js";
import { toChallenge } from "../convert/challenge.js";
import { toIdempotency } from "../convert/idempotency.js";
import { fromListMessages, fromPutProvider, fromTime, toMessage, toProviderStatus, toStats } from "../convert/message.js";
import type { Handlers } from "../pipeline.js";

/** The methods of latchkey.v1.DeliveryService. They turn requests into calls of use cases and results into responses. */
export function createDeliveryService(
  given: ListProvidersDeps & PutProviderDeps & TestProviderDeps,
): Handlers<typeof DeliveryService> {
  const deps = { ...given, summing: new Map<string, number>() };
  return {
    forClients: {
      async getMessage(caller, { appId, messageId }) {
        const message = await getMessage(deps, actorOf(caller), { appId, messageId: Number(messageId) });
        return { message: toMessage(message) };
      },

      async listMessages(caller, request) {
        const { appId, pageSize, pageToken } = request;
        const input = { appId, pageSize, pageToken, ...fromListMessages(request) };
        const { items, nextPageToken } = await listMessages(deps, actorOf(caller), input);
        return { messages: items.map(toMessage), nextPageToken };
      },

      async retryMessage(caller, request) {
        const idempotency = toIdempotency(RetryMessageRequestSchema, request);
        const input = { appId: request.appId, messageId: Number(request.messageId), idempotency };
        return { challenge: toChallenge(await retryMessage(deps, actorOf(caller), input)) };
      },

      async getDeliveryStats(caller, { appId, from, to }) {
        const stats = await getDeliveryStats(deps, actorOf(caller), { appId, from: fromTime(from), to: fromTime(to) });
        return { stats: stats.map(toStats) };
      },

      async listProviders(caller, { appId }) {
        return { providers: (await listProviders(deps, actorOf(caller), { appId })).map(toProviderStatus) };
      },

      async putProvider(caller, request) {
        await putProvider(deps, actorOf(caller), fromPutProvider(request));
        return {};
      },

      async deleteProvider(caller, { appId, name }) {
        await deleteProvider(deps, actorOf(caller), { appId, name });
        return {};
      },

      async testProvider(caller, { appId, name }) {
        const { isTested, problem } = await testProvider(deps, actorOf(caller), { appId, name });
        return { tested: isTested, problem };
      },
    },
    forUsers: {},
  };
}
