import type { JsonObject } from "@bufbuild/protobuf";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Static } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Channel } from "../../../../gen/latchkey/v1/challenge_pb.js";
import { refusalOf } from "../../call.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { uuidOf } from "../ids.js";
import { contactIn, invalid, type Named } from "./contact.js";
import { otpRequest, resendRequest, sentResponse } from "./schemas.js";

const bothGiven = "Only an email address or phone number should be provided";

const channels = new Map([
  ["sms", Channel.SMS],
  ["whatsapp", Channel.WHATSAPP],
]);

/** Sends of codes. */
export function addOtpRoutes(app: DialectApp, kit: DialectKit): void {
  const sendOtp = kit.method(AuthService.method.sendOtp);

  interface Send {
    readonly identifier: Named;
    readonly channel?: Channel;
    readonly createUserIfMissing: boolean;
    readonly customAttributes?: JsonObject;
  }

  /** The code of a live challenge is sent again. Known and unknown contacts get equal answers. */
  async function send(request: FastifyRequest, reply: FastifyReply, given: Send) {
    const context = kit.asSpeaker(request, reply);
    const { challenge } = await sendOtp(context, { reuseLive: kit.mayReuse(context), ...given });
    return given.identifier.case === "phone" ? { message_id: uuidOf(challenge!.challengeId) } : {};
  }

  const otp = { schema: { body: otpRequest, response: { 200: sentResponse } } };
  app.post("/auth/v1/otp", otp, async (request, reply) => {
    const { create_user, data } = request.body;
    return await send(request, reply, {
      identifier: contactIn(request.body, { none: "One of email or phone must be set", both: bothGiven }),
      ...channelOf(request.body),
      createUserIfMissing: create_user !== false,
      // Safe: the data is parsed JSON.
      ...(data && { customAttributes: data as JsonObject }),
    });
  });

  const resend = { schema: { body: resendRequest, response: { 200: sentResponse } } };
  app.post("/auth/v1/resend", resend, async (request, reply) => {
    const identifier = resentTo(request.body);
    try {
      return await send(request, reply, { identifier, createUserIfMissing: true });
    } catch (error) {
      // In an app that reveals its users.
      if (refusalOf(error)?.reason === "USER_NOT_FOUND") return {};
      throw error;
    }
  });
}

function channelOf({ channel, email }: Static<typeof otpRequest>): { readonly channel?: Channel } {
  if (!channel) return {};
  if (email) throw invalid("Channel should only be specified with Phone OTP");
  const found = channels.get(channel);
  if (found === undefined) throw invalid("Invalid channel, supported values are 'sms' or 'whatsapp'");
  return { channel: found };
}

function resentTo(body: Static<typeof resendRequest>): Named {
  const { type } = body;
  if (type === "email_change" || type === "phone_change") throw new RouteError("NOT_OFFERED", noChange(type));
  if (type !== "signup" && type !== "sms") throw invalid("Missing one of these types: signup, email_change, sms, phone_change");
  if (type === "signup" && !body.email) throw invalid("Type provided requires an email address");
  if (type === "sms" && !body.phone) throw invalid("Type provided requires a phone number");
  return contactIn(body, { none: "Missing email address or phone number", both: `${bothGiven}.` });
}

/** Supabase's clients send the code of a new contact without the user's token, and Latchkey gives a contact only to a session. */
export function noChange(type: string): string {
  return `${type} is not offered. Change contacts with StartContactChange and VerifyOtp of Latchkey's API.`;
}
