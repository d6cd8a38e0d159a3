import { refusalOf } from "../call.js";
import { invalidRequest, OAuthError } from "./errors.js";
import type { OAuthRoute } from "./route.js";

/** The token endpoint (RFC 6749 §4.4 and §6). */
export const issueTokens: OAuthRoute = async (methods, context, params) => {
  switch (params.get("grant_type")) {
    case "client_credentials":
      return await clientCredentials(methods, context, params);
    case "refresh_token":
      return await refresh(methods, context, params);
    case undefined:
      throw invalidRequest("The parameter grant_type is missing.");
    default:
      throw new OAuthError({
        status: 400,
        error: "unsupported_grant_type",
        description: "grant_type must be client_credentials or refresh_token.",
      });
  }
};

const clientCredentials: OAuthRoute = async ({ issueClientToken }, context, params) => {
  try {
    const answer = await issueClientToken(context, { scope: params.get("scope") ?? "" });
    return {
      access_token: answer.accessToken,
      token_type: answer.tokenType,
      expires_in: answer.expiresIn,
      ...(answer.scope === "" ? {} : { scope: answer.scope }),
    };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal?.reason !== "SCOPE_MISSING") throw error;
    throw invalidScope("The client does not have each of these scopes. Ask the operator for them, or leave scope out.");
  }
};

/** Users' tokens carry no scopes, so none can be asked for. */
const refresh: OAuthRoute = async ({ refreshToken }, context, params) => {
  const token = params.get("refresh_token");
  if (token === undefined) throw invalidRequest("The parameter refresh_token is missing.");
  if (params.has("scope")) throw invalidScope("The tokens of users have no scopes. Leave scope out.");
  const { tokens } = await refreshToken(context, { refreshToken: token });
  if (tokens === undefined) throw new Error("a refresh was answered without tokens");
  return {
    access_token: tokens.accessToken,
    token_type: tokens.tokenType,
    expires_in: tokens.expiresIn,
    refresh_token: tokens.refreshToken,
  };
};

function invalidScope(description: string): OAuthError {
  return new OAuthError({ status: 400, error: "invalid_scope", description });
}
