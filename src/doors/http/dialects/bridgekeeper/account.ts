import type { Static } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import { SessionKind } from "../../../../gen/latchkey/v1/session_pb.js";
import type { User } from "../../../../gen/latchkey/v1/user_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { callOf } from "./caller.js";
import { isVerified, type Medium, type Named, namedIn, ownContact } from "./contacts.js";
import { profileRequest, updateRequest, userResponse } from "./schemas.js";
import { toBridgekeeperUser } from "./user.js";

/** Changes of the signed-in user. */
export function addAccountRoutes(app: DialectApp, kit: DialectKit): void {
  const getCurrentUser = kit.method(AuthService.method.getCurrentUser);
  const updateCurrentUser = kit.method(AuthService.method.updateCurrentUser);
  const verifyOtp = kit.method(AuthService.method.verifyOtp);

  const update = { schema: { body: updateRequest, response: { 200: userResponse } } };
  app.post("/api/auth/v1/users/update-with-otp", update, async (request, reply) => {
    const { otp: code, user: fields = {} } = request.body;
    const call = callOf(kit, request, reply);
    const current = (await getCurrentUser(call, {})).user!;
    const identifier = provenBy(fields, current);
    const isOwn = isVerified(current, identifier);
    const expectedPurpose = isOwn ? Purpose.LOGIN : Purpose.CHANGE_CONTACT;
    const { user } = await verifyOtp(call, {
      identifier,
      code,
      expectedPurpose,
      createUserIfMissing: false,
      session: SessionKind.NONE,
    });
    return { user: toBridgekeeperUser(user!) };
  });

  const profile = { schema: { body: profileRequest, response: { 200: userResponse } } };
  app.post("/api/auth/v1/users/profile", profile, async (request, reply) => {
    const updateMask = { paths: ["display_name"] };
    const { user } = await updateCurrentUser(callOf(kit, request, reply), { displayName: request.body.name, updateMask });
    return { user: toBridgekeeperUser(user!) };
  });
}

type Fields = NonNullable<Static<typeof updateRequest>["user"]>;

const mediums: Readonly<Record<"email" | "phone", readonly Medium[]>> = { email: ["email"], phone: ["phone-number"] };

/** Returns the contact that the code of an update proves: the one that is new, or the user's own. Throws `RouteError` for two new ones. */
function provenBy(fields: Fields, user: User): Named {
  const { email = null, "login-phone-number": login, "phone-number": phone, "verification-status": status } = fields;
  const named = namedIn({ email, "phone-number": login || (typeof phone === "string" ? phone : null) });
  const news = named.filter((one) => !isVerified(user, one));
  if (news.length > 1)
    throw new RouteError("REQUEST_INVALID", "A code proves one contact. Give either login-phone-number or email.");
  return news[0] ?? named[0] ?? ownContact(user, status ? mediums[status] : undefined);
}
