import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Type } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { UserService } from "../../../../gen/latchkey/v1/user_service_pb.js";
import type { CallContext } from "../../../../rpc/call-context.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { createIdentify } from "./identifier.js";
import { deletedResponse, logoutResponse, ofUser, sessionRequest, sessionsResponse } from "./schemas.js";
import { sessionIdOf, sessionOfId } from "./session-id.js";

/** The ends of sessions, and their lists. */
export function addSessionRoutes(app: DialectApp, kit: DialectKit): void {
  const listSessions = kit.method(AuthService.method.listSessions);
  const revokeSession = kit.method(AuthService.method.revokeSession);
  const listUserSessions = kit.method(UserService.method.listUserSessions);
  const revokeUserSessions = kit.method(UserService.method.revokeUserSessions);

  const identify = createIdentify(kit);
  const userIdIn = async (context: CallContext, { user_id }: { readonly user_id: string }): Promise<string> =>
    (await identify(context, { identifier_type: "user_id", identifier: user_id })).value;

  const ofSession = { schema: { body: sessionRequest, response: { 204: Type.Null() } } };
  app.post("/cis/v1/auth/session/logout", ofSession, async (request, reply) => {
    const context = kit.asBackend(request, reply);
    await revokeUserSessions(context, sessionOfId(request.body.session_id));
    return await reply.code(204).send(null);
  });

  app.post("/cis/v1/auth/session/authenticate", { schema: { body: sessionRequest } }, async (request, reply) => {
    kit.asBackend(request, reply);
    throw new RouteError(
      "NOT_OFFERED",
      "session/authenticate is not offered: a session id buys no tokens. Use the refresh token.",
    );
  });

  app.post("/cis/v1/auth/logout", { schema: { response: { 200: logoutResponse } } }, async (request, reply) => {
    const context = kit.asCaller(request, reply);
    const { sessions } = await listSessions(context, {});
    const own = sessions.find(({ current }) => current);
    if (own !== undefined) await revokeSession(context, { sessionId: own.sessionId });
    return { sessions_count: 1 };
  });

  const listed = { schema: { params: ofUser, response: { 200: sessionsResponse } } };
  app.get("/cis/v1/sessions/:user_id", listed, async (request, reply) => {
    const context = kit.asBackend(request, reply);
    const userId = await userIdIn(context, request.params);
    const { sessions } = await listUserSessions(context, { userId });
    return sessions.map((session) => ({
      session_id: sessionIdOf({ userId, sessionId: session.sessionId }),
      client_id: session.clientId,
      created_at: timestampMs(session.createdAt!),
      last_used_at: timestampMs(session.lastUsedAt!),
      expires_at: timestampMs(session.expiresAt!),
      ip_address: session.ip,
      user_agent: session.userAgent,
    }));
  });

  const deleted = { schema: { params: ofUser, response: { 200: deletedResponse } } };
  app.delete("/cis/v1/sessions/:user_id", deleted, async (request, reply) => {
    const context = kit.asBackend(request, reply);
    const { revokedCount } = await revokeUserSessions(context, { userId: await userIdIn(context, request.params) });
    return { result: { deleted_count: revokedCount } };
  });
}
