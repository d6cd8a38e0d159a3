import { timestampDate } from "@bufbuild/protobuf/wkt";
import { beemStatuses } from "../../../../delivery/report-format.js";
import { DeliveryService } from "../../../../gen/latchkey/v1/delivery_service_pb.js";
import { type Message, MessageStatus } from "../../../../gen/latchkey/v1/message_pb.js";
import type { CallContext } from "../../../../rpc/call-context.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { challengeIdOf, uuidOf } from "../ids.js";
import { given, phoneOf } from "./fields.js";
import { reportQuery, reportResponse } from "./schemas.js";

/** A number gets few messages in the time that they are kept. */
const pagesMax = 10;

/** What became of the newest message with a pin. */
export function addReportRoute(app: DialectApp, kit: DialectKit): void {
  const listMessages = kit.method(DeliveryService.method.listMessages);

  async function find(context: CallContext, phone: string, challengeId: string): Promise<Message> {
    let pageToken = "";
    for (let page = 0; page < pagesMax; page += 1) {
      const recipient = { case: "phone", value: phone } as const;
      const { messages, nextPageToken } = await listMessages(context, { recipient, pageSize: 100, pageToken });
      const found = messages.find((message) => message.challengeId === challengeId);
      if (found !== undefined) return found;
      if (nextPageToken === "") break;
      pageToken = nextPageToken;
    }
    throw new RouteError("MESSAGE_NOT_FOUND", "The phone number has no message with this request id.");
  }

  const options = { schema: { querystring: reportQuery, response: { 200: reportResponse } } };
  app.get("/public/v1/delivery-reports", options, async (request, reply) => {
    const context = kit.asBackend(request, reply);
    const { dest_addr, request_id } = request.query;
    const address = given(dest_addr, 103);
    const challengeId = challengeIdOf(given(request_id, 112));
    const { status, queuedAt, sentAt, deliveredAt } = await find(context, phoneOf(address), challengeId);
    return {
      dest_addr: phoneOf(address).slice(1),
      request_id: uuidOf(challengeId),
      status: beemStatuses[MessageStatus[status].toLowerCase() as keyof typeof beemStatuses],
      timestamp: timestampDate(deliveredAt ?? sentAt ?? queuedAt!).toISOString(),
    };
  });
}
