import type { Static } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { ChallengeState, Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { accountOf, contactOf, createLook } from "./look.js";
import { createRequest, ofService, verificationResponse } from "./schemas.js";
import { channelsByName, toVerification } from "./verification.js";

type CreateRequest = Static<typeof createRequest>;

/** What would change the sender or the purpose of a code, and Latchkey does not offer. */
const notOffered: readonly (readonly [parameter: keyof CreateRequest, advice: string])[] = [
  ["Amount", "it is not offered. Put what the user approves into CustomMessage."],
  ["Payee", "it is not offered. Put what the user approves into CustomMessage."],
  ["CustomFriendlyName", "it is not offered. Messages have the name of the app."],
  ["SendDigits", "it is not offered. Calls reach only numbers without an extension."],
];

/** The send of a code. While a verification is pending, its code is sent again. */
export function addSendRoute(app: DialectApp, kit: DialectKit): void {
  const sendOtp = kit.method(AuthService.method.sendOtp);
  const getChallenge = kit.method(AuthService.method.getChallenge);
  const look = createLook(kit);

  const schema = { params: ofService, body: createRequest, response: { 201: verificationResponse } };
  app.post("/v2/Services/:service/Verifications", { schema }, async (request, reply) => {
    const { body } = request;
    const account = accountOf(kit, request, reply);
    const { context } = account;
    const pending = await look(context, body.To);
    for (const [parameter, advice] of notOffered) if (body[parameter] !== undefined) throw invalid(parameter, advice);
    if (pending?.state === ChallengeState.PENDING && pending.sendsLeft === 0) {
      throw new RouteError("TOO_MANY_REQUESTS", "Max send attempts reached");
    }
    const { challenge } = await sendOtp(context, {
      identifier: contactOf(body.To),
      channel: channelsByName[body.Channel],
      purpose: Purpose.VERIFY_CONTACT,
      // A code that the caller made is not that of a pending verification.
      reuseLive: body.CustomCode === undefined,
      customCode: body.CustomCode ?? "",
      customMessage: messageOf(body.CustomMessage),
      locale: body.Locale ?? "",
    });
    const { challengeId } = challenge!;
    const { challenge: sent } = await getChallenge(context, { challengeId });
    const last = { channel: challenge!.channel };
    return await reply.code(201).send(toVerification({ ...account, challenge: sent! }, kit.issuer, last));
  });
}

/** Texts of the API name the app. Twilio's documentation does not say how they have the code, so common ways are read. */
function messageOf(text: string | undefined): string {
  if (text === undefined) return "";
  const message = text.replace(/\{\{ ?code ?\}\}|\{code\}/gi, "{otp}");
  return message.includes("{app}") ? message : `{app}: ${message}`;
}

function invalid(parameter: keyof CreateRequest, advice: string): RouteError {
  return new RouteError("NOT_OFFERED", `Invalid parameter \`${parameter}\`: ${advice}`);
}
