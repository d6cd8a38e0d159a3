import type { OAuthRoute } from "./route.js";
import { tokenIn } from "./token-parameter.js";

/** The introspection endpoint (RFC 7662). The parameter `token_type_hint` is not needed: every kind of token has its own form. */
export const introspect: OAuthRoute = async ({ introspectToken }, context, params) => {
  const answer = await introspectToken(context, { token: tokenIn(params) });
  if (!answer.active) return { active: false };
  const { scope, username, aud, jti, sid } = answer;
  const optional = Object.entries({ scope, username, aud, jti, sid }).filter(([, value]) => value !== "");
  return {
    active: true,
    client_id: answer.clientId,
    token_type: answer.tokenType,
    exp: answer.exp,
    iat: answer.iat,
    sub: answer.sub,
    iss: answer.iss,
    ...Object.fromEntries(optional),
  };
};
