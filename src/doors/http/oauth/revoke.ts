import type { OAuthRoute } from "./route.js";
import { tokenIn } from "./token-parameter.js";

/** The revocation endpoint (RFC 7009). */
export const revoke: OAuthRoute = async ({ revokeToken }, context, params) => {
  await revokeToken(context, { token: tokenIn(params) });
  return undefined;
};
