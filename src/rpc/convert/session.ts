import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { SessionKind } from "../../auth/new-session.js";
import type { TokenSet } from "../../auth/tokens.js";
import { SessionKind as Kind, type SessionSchema, type TokenSetSchema } from "../../gen/latchkey/v1/session_pb.js";
import type { Session } from "../../model/session.js";
import { keyOf } from "./enums.js";

const kinds = { tokens: Kind.TOKENS, credential: Kind.CREDENTIAL, none: Kind.NONE } satisfies Record<SessionKind, Kind>;

export const fromSessionKind = (kind: Kind): SessionKind | undefined => keyOf(kinds, kind);

/** `currentSessionId` is that of the caller. Null: the caller is not the user. */
export function toSession(session: Session, currentSessionId: string | null): MessageInitShape<typeof SessionSchema> {
  return {
    sessionId: session.sessionId,
    clientId: session.clientId,
    createdAt: timestampFromMs(session.createdAt),
    lastUsedAt: timestampFromMs(session.lastUsedAt),
    expiresAt: timestampFromMs(session.expiresAt),
    ip: session.ip,
    userAgent: session.userAgent,
    amr: [...session.amr],
    current: session.sessionId === currentSessionId,
  };
}

export function toTokenSet(tokens: TokenSet): MessageInitShape<typeof TokenSetSchema> {
  return {
    accessToken: tokens.accessToken,
    tokenType: "Bearer",
    expiresIn: tokens.expiresInSeconds,
    accessTokenExpiresAt: timestampFromMs(tokens.accessTokenExpiresAt),
    refreshToken: tokens.refreshToken,
    refreshTokenExpiresAt: timestampFromMs(tokens.refreshTokenExpiresAt),
    idToken: tokens.idToken ?? "",
    sessionId: tokens.sessionId,
  };
}
