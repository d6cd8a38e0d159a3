import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ActiveToken } from "../../auth/introspect-token.js";
import type { IntrospectTokenResponseSchema } from "../../gen/latchkey/v1/token_service_pb.js";
import type { EpochMs } from "../../model/time.js";

export function toIntrospection(
  token: ActiveToken,
  { issuer, audience }: { readonly issuer: string; readonly audience: string },
): MessageInitShape<typeof IntrospectTokenResponseSchema> {
  const isRefresh = token.kind === "refresh";
  return {
    active: true,
    scope: token.scopes.join(" "),
    clientId: token.clientId,
    username: token.username,
    tokenType: isRefresh ? "refresh_token" : "Bearer",
    exp: seconds(token.expiresAt),
    iat: seconds(token.issuedAt),
    sub: token.subject,
    aud: isRefresh ? "" : audience,
    iss: issuer,
    jti: token.tokenId,
    sid: token.sessionId,
  };
}

function seconds(at: EpochMs): number {
  return Math.floor(at / 1000);
}
