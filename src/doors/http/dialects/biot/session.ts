import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Type } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Channel, Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import { SessionKind, type TokenSet } from "../../../../gen/latchkey/v1/session_pb.js";
import type { User } from "../../../../gen/latchkey/v1/user_pb.js";
import { codeText } from "../code-text.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { asUuid, challengeIdOf, uuidOf } from "../ids.js";
import { generateRequest, generateResponse, loginRequest, loginResponse, refreshRequest } from "./schemas.js";

/** Sign-in by code, and the session after it. */
export function addSessionRoutes(app: DialectApp, kit: DialectKit): void {
  const sendOtp = kit.method(AuthService.method.sendOtp);
  const verifyOtp = kit.method(AuthService.method.verifyOtp);
  const refreshToken = kit.method(AuthService.method.refreshToken);
  const revokeToken = kit.method(AuthService.method.revokeToken);
  const getCurrentUser = kit.method(AuthService.method.getCurrentUser);

  const generate = { schema: { body: generateRequest, response: { 200: generateResponse } } };
  app.post("/ums/v2/users/otp/generate", generate, async (request, reply) => {
    const { phone } = request.body;
    const context = kit.asSpeaker(request, reply);
    const identifier = { case: "phone", value: phone } as const;
    const { challenge } = await sendOtp(context, { identifier, channel: Channel.SMS, reuseLive: kit.mayReuse(context) });
    return { requestId: uuidOf(challenge!.challengeId), phone: masked(phone) };
  });

  const login = { schema: { body: loginRequest, response: { 200: loginResponse } } };
  app.post("/ums/v2/users/otp/login", login, async (request, reply) => {
    const { requestId, code } = request.body;
    const context = kit.asSpeaker(request, reply);
    const { tokens, user } = await verifyOtp(context, {
      challengeId: challengeIdOf(requestId),
      code: codeText(code, kit.policyOf(context).codeLength),
      expectedPurpose: Purpose.LOGIN,
      session: SessionKind.TOKENS,
    });
    return toLogin(tokens!, user!);
  });

  const refresh = { schema: { body: refreshRequest, response: { 200: loginResponse } } };
  for (const path of ["refresh", "login"]) {
    app.post(`/ums/v2/users/token/${path}`, refresh, async (request, reply) => {
      const context = kit.asSpeaker(request, reply);
      const { tokens } = await refreshToken(context, { refreshToken: request.body.refreshToken });
      const authorization = [`Bearer ${tokens!.accessToken}`];
      const { user } = await getCurrentUser({ ...context, authorization }, {});
      return toLogin(tokens!, user!);
    });
  }

  const logout = { schema: { body: refreshRequest, response: { 200: Type.Null() } } };
  app.post("/ums/v2/users/logout", logout, async (request, reply) => {
    await revokeToken(kit.asSpeaker(request, reply), { token: request.body.refreshToken });
    return await reply.code(200).send(null);
  });
}

function toLogin(tokens: TokenSet, user: User) {
  return {
    userId: user.userId,
    ownerOrganizationId: asUuid(user.ownerOrganization),
    accessJwt: { token: tokens.accessToken, expiration: timestampDate(tokens.accessTokenExpiresAt!).toISOString() },
    refreshJwt: { token: tokens.refreshToken, expiration: timestampDate(tokens.refreshTokenExpiresAt!).toISOString() },
    mfaRequired: false,
    passwordResetRequired: false,
  };
}

/** Six stars and the last four digits, which the caller knows. So it says nothing about users. */
function masked(phone: string): string {
  return `******${phone.replace(/[^0-9]/g, "").slice(-4)}`;
}
