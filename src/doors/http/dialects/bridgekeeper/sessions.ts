import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { FastifyReply, FastifyRequest } from "fastify";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import type { Session } from "../../../../gen/latchkey/v1/session_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { callOf } from "./caller.js";
import { meResponse, sessionsResponse } from "./schemas.js";
import { toBridgekeeperUser } from "./user.js";

/** The session of the caller, and the others of its user. */
export function addSessionRoutes(app: DialectApp, kit: DialectKit): void {
  const getCurrentUser = kit.method(AuthService.method.getCurrentUser);
  const listSessions = kit.method(AuthService.method.listSessions);
  const revokeToken = kit.method(AuthService.method.revokeToken);

  async function me(request: FastifyRequest, reply: FastifyReply) {
    const call = callOf(kit, request, reply);
    const { user } = await getCurrentUser(call, {});
    const { sessions } = await listSessions(call, {});
    return {
      user: toBridgekeeperUser(user!),
      "active-sessions-count": sessions.length,
      source: "bridgekeeper" as const,
    };
  }
  const answersMe = { schema: { response: { 200: meResponse } } };
  app.get("/api/auth/v1/users/me", answersMe, me);
  app.get("/api/auth/v1/sessions/validate", answersMe, me);
  app.post("/api/auth/v1/sessions/validate", answersMe, me);

  const list = { schema: { response: { 200: sessionsResponse } } };
  app.get("/api/auth/v1/sessions", list, async (request, reply) => {
    const { sessions } = await listSessions(callOf(kit, request, reply), {});
    return { sessions: sessions.map(toBridgekeeperSession), "active-sessions-count": sessions.length };
  });

  app.get("/api/auth/v1/logout", async (request, reply) => {
    await revokeToken(callOf(kit, request, reply), {});
    return await reply.code(204).send();
  });
}

function toBridgekeeperSession(session: Session) {
  return {
    id: session.sessionId,
    "created-at": timestampMs(session.createdAt!),
    "last-used-at": timestampMs(session.lastUsedAt!),
    "expires-at": timestampMs(session.expiresAt!),
    ip: session.ip,
    "user-agent": session.userAgent,
    current: session.current,
  };
}
