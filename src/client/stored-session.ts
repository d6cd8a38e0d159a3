import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { TokenSet } from "../gen/latchkey/v1/session_pb.js";
import type { StoredSession } from "./token-store.js";

/**
 * What is kept of a token set. `askedAt` is this device's time before the call that brought it, so that neither a slow network nor
 * a wrong clock makes the access token look younger than it is. Throws if the server left tokens out.
 */
export function toStoredSession(
  tokens: TokenSet | undefined,
  { userId, askedAt }: { readonly userId: string; readonly askedAt: number },
): StoredSession {
  if (tokens === undefined || tokens.accessToken === "" || tokens.refreshToken === "") {
    throw new ConnectError("the server's answer holds no tokens", Code.Internal);
  }
  const accessTokenTtlMs = tokens.expiresIn * 1000;
  const { refreshTokenExpiresAt } = tokens;
  return {
    sessionId: tokens.sessionId,
    userId,
    accessToken: tokens.accessToken,
    accessTokenExpiresAt: askedAt + accessTokenTtlMs,
    accessTokenTtlMs,
    refreshToken: tokens.refreshToken,
    refreshTokenExpiresAt: refreshTokenExpiresAt === undefined ? 0 : timestampMs(refreshTokenExpiresAt),
    pendingRefreshKey: null,
  };
}
