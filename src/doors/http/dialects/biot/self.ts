import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { type User, UserState } from "../../../../gen/latchkey/v1/user_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { selfResponse } from "./schemas.js";

/** The signed-in user. */
export function addSelfRoutes(app: DialectApp, kit: DialectKit): void {
  const getCurrentUser = kit.method(AuthService.method.getCurrentUser);
  app.get("/ums/v2/users/self", { schema: { response: { 200: selfResponse } } }, async (request, reply) => {
    const { user } = await getCurrentUser(kit.asCaller(request, reply), {});
    return toSelf(user!);
  });
}

function toSelf(user: User) {
  const primary = user.contacts.find((contact) => contact.primary) ?? user.contacts[0];
  return {
    username: user.username || (primary?.value ?? ""),
    id: user.userId,
    ownerOrganizationId: user.ownerOrganization,
    groups: user.roles,
    locked: user.state === UserState.LOCKED,
    active: user.state === UserState.ACTIVE,
    mfa: { enabled: false },
    credentialType: "OTP" as const,
    userIdPs: ["UMS"],
  };
}
