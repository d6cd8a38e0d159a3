import { decodeJwt } from "jose";
import { TokenService } from "../../../../gen/latchkey/v1/token_service_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { serviceTokenRequest, serviceTokenResponse } from "./schemas.js";

/** Tokens of services: BioT's service ids are aliases of confidential clients. */
export function addServiceRoutes(app: DialectApp, kit: DialectKit): void {
  const issueClientToken = kit.method(TokenService.method.issueClientToken);
  const options = { schema: { body: serviceTokenRequest, response: { 200: serviceTokenResponse } } };
  app.post("/ums/v2/services/accessToken", options, async (request, reply) => {
    const { id, secretKey } = request.body;
    const basic = Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secretKey)}`).toString("base64");
    const context = { ...kit.asCaller(request, reply), authorization: [`Basic ${basic}`], clientIds: [] };
    const { accessToken } = await issueClientToken(context, {});
    return { accessToken, accessTokenExpiration: new Date(decodeJwt(accessToken).exp! * 1_000).toISOString() };
  });
}
