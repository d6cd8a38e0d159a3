import { AuthService } from "../../../gen/latchkey/v1/auth_service_pb.js";
import { TokenService } from "../../../gen/latchkey/v1/token_service_pb.js";
import type { CallContext } from "../../../rpc/call-context.js";
import type { ServedService } from "../../../rpc/pipeline.js";
import { servedMethod } from "../call.js";
import type { Params } from "./client.js";

/** The methods that the routes call. */
export type OAuthMethods = NonNullable<ReturnType<typeof oauthMethodsOf>>;

/** Returns null if the services lack one of the methods. */
export function oauthMethodsOf(services: readonly ServedService[]) {
  const issueClientToken = servedMethod(services, TokenService.method.issueClientToken);
  const introspectToken = servedMethod(services, TokenService.method.introspectToken);
  const refreshToken = servedMethod(services, AuthService.method.refreshToken);
  const revokeToken = servedMethod(services, AuthService.method.revokeToken);
  if (issueClientToken === undefined || introspectToken === undefined) return null;
  if (refreshToken === undefined || revokeToken === undefined) return null;
  return { issueClientToken, introspectToken, refreshToken, revokeToken };
}

/** A route: what it answers to a call. Undefined: an empty body. */
export type OAuthRoute = (
  methods: OAuthMethods,
  context: CallContext,
  params: Params,
) => Promise<Readonly<Record<string, unknown>> | undefined>;
