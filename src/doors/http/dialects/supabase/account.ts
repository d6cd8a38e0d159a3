import type { JsonObject } from "@bufbuild/protobuf";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { invalid } from "./contact.js";
import { noChange } from "./otp.js";
import { logoutQuery, updateRequest, userResponse } from "./schemas.js";
import { toSupabaseUser } from "./user.js";

const scopes = ["global", "local", "others"];

/** What Supabase changes and Latchkey does not, and what to do instead. */
const unchangeable = {
  email: noChange("email_change"),
  phone: noChange("phone_change"),
  password: "There are no passwords. Leave password out.",
  current_password: "There are no passwords. Leave current_password out.",
  nonce: "nonce is not offered, because no change needs one. Leave it out.",
  app_metadata: "Only a backend changes app_metadata, with UpdateUser of Latchkey's API.",
} as const;

/** The signed-in user. */
export function addAccountRoutes(app: DialectApp, kit: DialectKit): void {
  const getCurrentUser = kit.method(AuthService.method.getCurrentUser);
  const updateCurrentUser = kit.method(AuthService.method.updateCurrentUser);
  const listSessions = kit.method(AuthService.method.listSessions);
  const revokeSession = kit.method(AuthService.method.revokeSession);
  const revokeOtherSessions = kit.method(AuthService.method.revokeOtherSessions);

  app.get("/auth/v1/user", { schema: { response: { 200: userResponse } } }, async (request, reply) => {
    const { user } = await getCurrentUser(kit.asCaller(request, reply), {});
    return toSupabaseUser(user!, tokenOf(request));
  });

  const update = { schema: { body: updateRequest, response: { 200: userResponse } } };
  app.put("/auth/v1/user", update, async (request, reply) => {
    const { data } = request.body;
    const context = kit.asCaller(request, reply);
    const before = (await getCurrentUser(context, {})).user!;
    for (const [field, advice] of Object.entries(unchangeable)) {
      const given = request.body[field as keyof typeof unchangeable];
      if (given !== undefined && given !== null && given !== "") throw new RouteError("NOT_OFFERED", advice);
    }
    if (!data) return toSupabaseUser(before, tokenOf(request));
    const customAttributes = merged(before.customAttributes ?? {}, data);
    const { user } = await updateCurrentUser(context, { customAttributes, updateMask: { paths: ["custom_attributes"] } });
    return toSupabaseUser(user!, tokenOf(request));
  });

  const logout = { schema: { querystring: logoutQuery, response: { 204: Type.Null() } } };
  app.post("/auth/v1/logout", logout, async (request, reply) => {
    const { scope = "global" } = request.query;
    const context = kit.asCaller(request, reply);
    const { sessions } = await listSessions(context, {});
    if (!scopes.includes(scope)) throw invalid(`Unsupported logout scope "${scope}"`);
    if (scope !== "local") await revokeOtherSessions(context, {});
    // Last, because it ends the right to call the others.
    const own = sessions.find(({ current }) => current);
    if (scope !== "others" && own !== undefined) await revokeSession(context, { sessionId: own.sessionId });
    return await reply.code(204).send(null);
  });
}

/** The access token of a call that has been accepted with it. */
function tokenOf(request: FastifyRequest): string {
  return request.headers.authorization!.replace(/^bearer +/i, "");
}

/** As Supabase merges data: a key with null is removed, and keys that are left out stay. */
function merged(before: JsonObject, data: Readonly<Record<string, unknown>>): JsonObject {
  // Safe: the data is parsed JSON.
  const all = Object.entries({ ...before, ...data } as JsonObject);
  return Object.fromEntries(all.filter(([key, value]) => !(Object.hasOwn(data, key) && value === null)));
}
