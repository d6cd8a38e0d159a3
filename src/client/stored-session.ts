import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { TokenSet } from "../gen/client/latchkey/v1/session_pb.js";
import type { StoredSession } from "./token-store.js";

/**
 * Converts a token set for storage. `askedAt` is this device's time before the call: with it, neither a slow network nor a wrong clock
 * makes the access token look valid for too long. Throws if a token is missing.
 */
export function toStoredSession(
  tokens: TokenSet | undefined,
  { userId, askedAt }: { readonly userId: string; readonly askedAt: number },
): StoredSession {
  if (tokens === undefined || tokens.accessToken === "" || tokens.refreshToken === "") {
    throw new ConnectError("The server's answer has no tokens. Check that baseUrl is a Latchkey server.", Code.Internal);
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
