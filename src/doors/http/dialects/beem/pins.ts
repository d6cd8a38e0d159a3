import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import { codeText } from "../code-text.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { challengeIdOf, uuidOf } from "../ids.js";
import { coded } from "./codes.js";
import { given, phoneOf } from "./fields.js";
import { codedResponse, pinRequest, pinResponse, verifyRequest } from "./schemas.js";

/** Requests of pins for phone numbers, and their checks. Pins prove phone numbers alone: there are no accounts. */
export function addPinRoutes(app: DialectApp, kit: DialectKit): void {
  const sendOtp = kit.method(AuthService.method.sendOtp);
  const verifyOtp = kit.method(AuthService.method.verifyOtp);
  const purpose = Purpose.VERIFY_CONTACT;

  const send = { schema: { body: pinRequest, response: { 200: pinResponse } } };
  app.post("/v1/request", send, async (request, reply) => {
    const context = kit.asBackend(request, reply);
    const { appId, msisdn } = request.body;
    const number = given(appId, 104);
    const phone = phoneOf(given(msisdn, 103));
    const isNamedApp = (app: { readonly number: number }) => String(app.number) === number;
    const named = { ...context, isNamedApp };
    const { challenge } = await sendOtp(named, { identifier: { case: "phone", value: phone }, purpose });
    return { data: { pinId: uuidOf(challenge!.challengeId), ...coded(100).data } };
  });

  // One of Beem's samples has the longer path.
  for (const path of ["/v1/verify", "/api/v1/verify"]) {
    const verify = { schema: { body: verifyRequest, response: { 200: codedResponse } } };
    app.post(path, verify, async (request, reply) => {
      const context = kit.asBackend(request, reply);
      const { pinId, pin } = request.body;
      const challengeId = challengeIdOf(given(pinId, 112));
      const length = kit.clientOf(context)?.app.policy.codeLength ?? 0;
      const code = given(pin === undefined ? pin : codeText(pin, length), 111);
      await verifyOtp(context, { challengeId, code, expectedPurpose: purpose });
      return coded(117);
    });
  }
}
