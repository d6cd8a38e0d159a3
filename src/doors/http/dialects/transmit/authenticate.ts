import { decodeJwt } from "jose";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import { SessionKind, type TokenSet } from "../../../../gen/latchkey/v1/session_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { challengeIdOf } from "../ids.js";
import { withEndUser } from "./end-user.js";
import { createIdentify } from "./identifier.js";
import { authenticateRequest, refreshRequest, tokensResponse } from "./schemas.js";
import { sessionIdOf } from "./session-id.js";

/** The check of a code, and the exchange of refresh tokens. */
export function addAuthenticateRoutes(app: DialectApp, kit: DialectKit): void {
  const verifyOtp = kit.method(AuthService.method.verifyOtp);
  const refreshToken = kit.method(AuthService.method.refreshToken);
  const identify = createIdentify(kit);

  const authenticate = { schema: { body: authenticateRequest, response: { 200: tokensResponse } } };
  app.post("/cis/v1/auth/otp/authenticate", authenticate, async (request, reply) => {
    const { passcode: code, identifier, request_id: requestId } = request.body;
    const context = withEndUser(kit.asBackend(request, reply), request.body);
    const target =
      requestId === undefined
        ? { identifier: await identify(context, request.body) }
        : { challengeId: challengeIdOf(requestId), expectedContact: identifier };
    const expectedPurpose = Purpose.LOGIN;
    const { tokens } = await verifyOtp(context, { ...target, code, expectedPurpose, session: SessionKind.TOKENS });
    return toTokens(tokens!);
  });

  const refresh = { schema: { body: refreshRequest, response: { 200: tokensResponse } } };
  app.post("/cis/v1/auth/token/refresh", refresh, async (request, reply) => {
    const { refresh_token } = request.body;
    const { tokens } = await refreshToken(kit.asBackend(request, reply), { refreshToken: refresh_token });
    return toTokens(tokens!);
  });
}

function toTokens(tokens: TokenSet) {
  return {
    access_token: tokens.accessToken,
    ...(tokens.idToken !== "" && { id_token: tokens.idToken }),
    refresh_token: tokens.refreshToken,
    token_type: tokens.tokenType,
    expires_in: tokens.expiresIn,
    session_id: sessionIdOf({ userId: decodeJwt(tokens.accessToken).sub!, sessionId: tokens.sessionId }),
  };
}
