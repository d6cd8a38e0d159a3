import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import { codeText } from "../code-text.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { said, wrapped } from "./envelope.js";
import { channelOf, masked, namedBy } from "./names.js";
import { confirmRequest, loginRequest, loginResponse, loginSentResponse } from "./schemas.js";
import { toUser } from "./user.js";

/** Sign-in by a code. While a code is live, it is sent again. */
export function addLoginRoutes(app: DialectApp, kit: DialectKit): void {
  const sendOtp = kit.method(AuthService.method.sendOtp);
  const verifyOtp = kit.method(AuthService.method.verifyOtp);

  const initiate = { schema: { body: loginRequest, response: { 201: loginSentResponse } } };
  app.post("/api/iam/otp/login/initiate", initiate, async (request, reply) => {
    const { type, identifier } = request.body;
    const wanted = type === undefined ? undefined : channelOf(type);
    const named = namedBy(identifier);
    const context = kit.asSpeaker(request, reply);
    // An address or number gets the code itself. For a username the request decides only where the app does not.
    const selects = named.case === "username" && kit.policyOf(context).defaultChannel === null;
    await sendOtp(context, {
      identifier: named,
      ...(selects && wanted !== undefined && { channel: wanted }),
      reuseLive: kit.mayReuse(context),
    });
    return await reply.code(201).send(said("OTP sent successfully", {}, { user: masked(named) }));
  });

  const confirm = { schema: { body: confirmRequest, response: { 200: loginResponse } } };
  app.post("/api/iam/otp/login/confirm", confirm, async (request, reply) => {
    const { type, identifier, otp } = request.body;
    channelOf(type);
    const context = kit.asSpeaker(request, reply);
    const { tokens, user } = await verifyOtp(context, {
      identifier: namedBy(identifier),
      expectedPurpose: Purpose.LOGIN,
      code: codeText(otp, kit.policyOf(context).codeLength),
    });
    const { accessToken, refreshToken } = tokens!;
    return wrapped({ accessToken, refreshToken, user: { ...toUser(user!), lastLoginProvider: "otp" as const } });
  });
}
