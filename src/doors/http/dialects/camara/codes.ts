import { Type } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Channel, Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { challengeIdOf, uuidOf } from "../ids.js";
import { headers, sendCodeRequest, sendCodeResponse, validateCodeRequest } from "./schemas.js";

/** The send of a code, and its check. A code proves a phone number and signs in no user. */
export function addCodeRoutes(app: DialectApp, kit: DialectKit): void {
  const sendOtp = kit.method(AuthService.method.sendOtp);
  const verifyOtp = kit.method(AuthService.method.verifyOtp);
  const purpose = Purpose.VERIFY_CONTACT;

  const send = { schema: { headers, body: sendCodeRequest, response: { 200: sendCodeResponse } } };
  app.post("/one-time-password-sms/v1/send-code", send, async (request, reply) => {
    const { phoneNumber, message } = request.body;
    const { challenge } = await sendOtp(kit.asBackend(request, reply), {
      identifier: { case: "phone", value: phoneNumber },
      channel: Channel.SMS,
      purpose,
      customMessage: `{app}: ${message.replaceAll("{{code}}", "{otp}")}`,
    });
    return { authenticationId: uuidOf(challenge!.challengeId) };
  });

  const validate = { schema: { headers, body: validateCodeRequest, response: { 204: Type.Null() } } };
  app.post("/one-time-password-sms/v1/validate-code", validate, async (request, reply) => {
    const { authenticationId, code } = request.body;
    await verifyOtp(kit.asBackend(request, reply), {
      challengeId: challengeIdOf(authenticationId),
      code: /^[ -]*[0-9][0-9 -]*$/.test(code) ? code : noCode,
      expectedPurpose: purpose,
      newestOnly: true,
    });
    return await reply.code(204).send(null);
  });
}

/** CAMARA's codes may have letters and Latchkey's never do. A code with letters counts as this one, which is too long to be right. */
const noCode = "0".repeat(11);
