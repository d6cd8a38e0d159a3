import type { Static } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Channel } from "../../../../gen/latchkey/v1/challenge_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { uuidOf } from "../ids.js";
import { withEndUser } from "./end-user.js";
import { createIdentify } from "./identifier.js";
import { sendRequest, sendResponse } from "./schemas.js";

type SendRequest = Static<typeof sendRequest>;

/** What Transmit offers for a send and Latchkey does not, and what to do instead. */
const notOffered: readonly (readonly [field: keyof SendRequest, advice: string])[] = [
  ["approval_data", "approval_data is not offered. Put what the user approves into custom_message."],
  ["custom_email", "custom_email is not offered. Codes go to contacts of the user: add the address to the user."],
  ["custom_phone_number", "custom_phone_number is not offered. Codes go to contacts of the user: add the number to the user."],
];

/** The send of a code. */
export function addSendRoute(app: DialectApp, kit: DialectKit): void {
  const sendOtp = kit.method(AuthService.method.sendOtp);
  const identify = createIdentify(kit);
  const options = { schema: { body: sendRequest, response: { 200: sendResponse } } };
  app.post("/cis/v1/auth/otp/send", options, async (request, reply) => {
    const { body } = request;
    const context = withEndUser(kit.asBackend(request, reply), body);
    refuseUnoffered(body);
    const { challenge } = await sendOtp(context, {
      identifier: await identify(context, body),
      channel: body.channel === "sms" ? Channel.SMS : Channel.EMAIL,
      reuseLive: body.generate_request_id !== true,
      ...lifeOf(body),
      ...wordsOf(body),
    });
    const requestId = body.generate_request_id === true && { request_id: uuidOf(challenge!.challengeId) };
    return { message: "OTP sent", ...requestId };
  });
}

function refuseUnoffered(body: SendRequest): void {
  if (body.channel === "direct") {
    throw new RouteError(
      "NOT_OFFERED",
      "The channel direct is not offered: Latchkey gives no code to a caller. Use sms or email.",
    );
  }
  for (const [field, advice] of notOffered) if (body[field] !== undefined) throw new RouteError("NOT_OFFERED", advice);
  // The request id is checked together with the contact that got the code.
  const reached = body.channel === "sms" ? "phone_number" : "email";
  if (body.generate_request_id === true && body.identifier_type !== reached) {
    throw new RouteError(
      "NOT_OFFERED",
      `generate_request_id needs the identifier_type ${reached} with the channel ${body.channel}.`,
    );
  }
}

/** Transmit counts minutes. */
function lifeOf({ expires_in: minutes }: SendRequest) {
  return minutes === undefined ? {} : { codeTtl: { seconds: BigInt(Math.round(minutes * 60)) } };
}

function wordsOf({ channel, custom_sms_input: sms, custom_message, sender_id, email_content: mail }: SendRequest) {
  if (channel === "email") return { customMessage: custom_message ?? "", subject: mail?.subject ?? "" };
  return { customMessage: sms?.custom_message ?? custom_message ?? "", senderId: sms?.sender_id ?? sender_id ?? "" };
}
