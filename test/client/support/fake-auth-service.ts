import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type ConnectRouter, createRouterTransport, type HandlerContext } from "@connectrpc/connect";
import { AuthService, type RefreshTokenRequest } from "../../../src/gen/latchkey/v1/auth_service_pb.js";
import { TokenSetSchema } from "../../../src/gen/latchkey/v1/session_pb.js";
import { wireError } from "../../../src/rpc/errors.js";

export const accessTtlMs = 600_000;
const graceMs = 10_000;

interface FakeSession {
  generation: number;
  rotatedAt: number;
  key: string;
}

/**
 * AuthService in memory, by the documented rules of refresh tokens: a generation buys one successor; its immediate predecessor gets
 * the same one again within the grace or under the first call's key; anything else ends the session.
 */
export function createFakeAuthService(clock: () => number) {
  const sessions = new Map<string, FakeSession>();
  const accessTokens = new Map<string, { sessionId: string; expiresAt: number }>();
  const calls: { readonly method: string; readonly headers: Headers; readonly request: unknown }[] = [];
  let counter = 0;

  function tokensFor(sessionId: string, { generation }: FakeSession) {
    counter += 1;
    const accessToken = `access-${counter}`;
    accessTokens.set(accessToken, { sessionId, expiresAt: clock() + accessTtlMs });
    return create(TokenSetSchema, {
      accessToken,
      tokenType: "Bearer",
      expiresIn: accessTtlMs / 1000,
      refreshToken: `${sessionId}.${generation}`,
      refreshTokenExpiresAt: timestampFromMs(clock() + 86_400_000),
      sessionId,
    });
  }

  function refresh({ refreshToken, idempotencyKey }: RefreshTokenRequest) {
    const [sessionId = "", text] = refreshToken.split(".");
    const session = sessions.get(sessionId);
    if (session === undefined) throw wireError("SESSION_ENDED");
    const generation = Number(text);
    if (generation === session.generation) {
      session.generation += 1;
      session.rotatedAt = clock();
      session.key = idempotencyKey;
      return { tokens: tokensFor(sessionId, session) };
    }
    const isRepeat = clock() - session.rotatedAt < graceMs || (idempotencyKey !== "" && idempotencyKey === session.key);
    if (generation === session.generation - 1 && isRepeat) return { tokens: tokensFor(sessionId, session) };
    sessions.delete(sessionId);
    throw wireError(generation > session.generation ? "SESSION_LOST" : "REFRESH_TOKEN_REUSED");
  }

  function userOf(context: HandlerContext): string {
    const token = context.requestHeader.get("authorization")?.replace("Bearer ", "") ?? "";
    const known = accessTokens.get(token);
    if (known === undefined || known.expiresAt <= clock() || !sessions.has(known.sessionId)) throw wireError("TOKEN_INVALID");
    return known.sessionId;
  }

  const note = (method: string, request: unknown, context: HandlerContext) =>
    calls.push({ method, headers: new Headers(context.requestHeader), request });

  const routes = (router: ConnectRouter) =>
    router.service(AuthService, {
      sendOtp(request, context) {
        note("sendOtp", request, context);
        return { challenge: { challengeId: "challenge-1" } };
      },
      verifyOtp(request, context) {
        note("verifyOtp", request, context);
        if (request.code !== "123456") throw wireError("CODE_INVALID");
        const sessionId = `session-${sessions.size + 1}`;
        const session = { generation: 0, rotatedAt: 0, key: "" };
        sessions.set(sessionId, session);
        return { tokens: tokensFor(sessionId, session), sessionId, user: { userId: "user-1" } };
      },
      refreshToken(request, context) {
        note("refreshToken", request, context);
        return refresh(request);
      },
      revokeToken(request, context) {
        note("revokeToken", request, context);
        sessions.delete(request.token.split(".")[0] ?? "");
        return {};
      },
      getCurrentUser(request, context) {
        note("getCurrentUser", request, context);
        return { user: { userId: userOf(context) } };
      },
      deleteCurrentUser(request, context) {
        note("deleteCurrentUser", request, context);
        sessions.delete(userOf(context));
        return {};
      },
    });

  return {
    transport: createRouterTransport(routes),
    calls,
    callsOf: (method: string) => calls.filter((call) => call.method === method),
    sessions,
    /** Forgets every access token, as a server that lost its keys. */
    rejectAccessTokens: () => accessTokens.clear(),
    refresh: (refreshToken: string) => refresh({ refreshToken, idempotencyKey: "" } as RefreshTokenRequest),
  };
}

export type FakeAuthService = ReturnType<typeof createFakeAuthService>;
