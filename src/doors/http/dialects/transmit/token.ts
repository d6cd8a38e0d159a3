import { TokenService } from "../../../../gen/latchkey/v1/token_service_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { addJwksRoute } from "../jwks-route.js";
import { clientTokenRequest, clientTokenResponse } from "./schemas.js";

/** Tokens of clients, and the keys that tokens of users are checked with. */
export function addTokenRoutes(app: DialectApp, kit: DialectKit): void {
  const issueClientToken = kit.method(TokenService.method.issueClientToken);
  const schema = { body: clientTokenRequest, response: { 200: clientTokenResponse } };
  kit.withForms(app, (forms) => {
    forms.post("/oidc/token", { schema }, async (request, reply) => {
      const { grant_type, client_id: clientId = "", client_secret: clientSecret = "" } = request.body;
      if (grant_type !== "client_credentials")
        throw new RouteError("REQUEST_INVALID", "grant_type must be client_credentials.");
      const answer = await issueClientToken(kit.asCaller(request, reply), { clientId, clientSecret });
      return { access_token: answer.accessToken, token_type: answer.tokenType, expires_in: answer.expiresIn };
    });
  });

  addJwksRoute(app, kit, "/cis/oidc/jwks");
}
