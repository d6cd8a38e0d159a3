import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { said, wrapped } from "./envelope.js";
import { meResponse, refreshRequest, refreshResponse, saidResponse } from "./schemas.js";
import { toUser } from "./user.js";

/** The session after a sign-in, and its user. */
export function addSessionRoutes(app: DialectApp, kit: DialectKit): void {
  const refreshToken = kit.method(AuthService.method.refreshToken);
  const revokeToken = kit.method(AuthService.method.revokeToken);
  const getCurrentUser = kit.method(AuthService.method.getCurrentUser);

  const refresh = { schema: { body: refreshRequest, response: { 200: refreshResponse } } };
  app.post("/api/iam/refresh-tokens", refresh, async (request, reply) => {
    const { tokens } = await refreshToken(kit.asSpeaker(request, reply), { refreshToken: request.body.refreshToken });
    const { accessToken, refreshToken: next } = tokens!;
    return wrapped({ accessToken, refreshToken: next });
  });

  const logout = { schema: { body: refreshRequest, response: { 200: saidResponse } } };
  app.post("/api/iam/logout", logout, async (request, reply) => {
    await revokeToken(kit.asSpeaker(request, reply), { token: request.body.refreshToken });
    return said("Logged out successfully", {}, {});
  });

  app.get("/api/iam/me", { schema: { response: { 200: meResponse } } }, async (request, reply) => {
    const { user } = await getCurrentUser(kit.asCaller(request, reply), {});
    return wrapped({ user: toUser(user!) });
  });
}
