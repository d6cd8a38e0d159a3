import { Type } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { ContactKind, type User } from "../../../../gen/latchkey/v1/user_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { asUuid } from "../ids.js";
import { refuse } from "./entity.js";
import { selfPatch, selfResponse } from "./schemas.js";

const path = "/ums/v2/users/self";

/** The signed-in user. */
export function addSelfRoutes(app: DialectApp, kit: DialectKit): void {
  const getCurrentUser = kit.method(AuthService.method.getCurrentUser);
  const deleteCurrentUser = kit.method(AuthService.method.deleteCurrentUser);

  app.get(path, { schema: { response: { 200: selfResponse } } }, async (request, reply) => {
    const { user } = await getCurrentUser(kit.asCaller(request, reply), {});
    return toSelf(user!);
  });

  // BioT lets users change a password and the second factor here. Latchkey has no passwords, and no second factor yet.
  app.patch(path, { schema: { body: selfPatch, response: { 200: selfResponse } } }, async (request, reply) => {
    const { user } = await getCurrentUser(kit.asCaller(request, reply), {});
    const [unknown] = Object.keys(request.body).filter((key) => key !== "mfa");
    if (unknown !== undefined) refuse(unknown, "can't be changed by the user");
    if (request.body.mfa?.enabled === true) refuse("mfa", "can't be enabled: Latchkey has no second factor yet");
    return toSelf(user!);
  });

  app.delete(path, { schema: { response: { 204: Type.Null() } } }, async (request, reply) => {
    await deleteCurrentUser(kit.asCaller(request, reply), {});
    return await reply.code(204).send(null);
  });
}

function toSelf(user: User) {
  const phone = user.contacts.find(({ kind }) => kind === ContactKind.PHONE)?.value;
  return {
    username: user.username || (phone ?? user.contacts[0]?.value ?? ""),
    id: user.userId,
    ownerOrganizationId: asUuid(user.ownerOrganization),
    groups: user.roles.map((name) => ({ id: asUuid(name), name })),
    // The access token of a locked user is refused.
    locked: false,
    active: true,
    mfa: { enabled: false, phone: phone ?? "" },
    credentialType: "OTP" as const,
    userIdPs: ["UMS"],
  };
}
