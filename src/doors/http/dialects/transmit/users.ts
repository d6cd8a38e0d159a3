import type { JsonObject } from "@bufbuild/protobuf";
import type { Static } from "typebox";
import { UserService } from "../../../../gen/latchkey/v1/user_service_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { isUuid } from "./identifier.js";
import { byIdentifier, createUserRequest, ofUser, userResponse } from "./schemas.js";
import { toUser } from "./user.js";

type Key = "userId" | "externalId" | "email" | "phone" | "username";

/** Transmit's names of identifiers in look-ups. Its requests for codes write them in another way. */
const keys = new Map<string, Key>([
  ["email", "email"],
  ["phoneNumber", "phone"],
  ["phone_number", "phone"],
  ["username", "username"],
  ["externalUserId", "externalId"],
  ["custom", "externalId"],
]);

/** The paths of a look-up by one value. The last segment is the value. */
const lookUps: readonly (readonly [path: string, key: Key])[] = [
  ["/cis/v1/users/", "userId"],
  ["/cis/v1/users/email/", "email"],
  ["/cis/v1/users/phone-number/", "phone"],
  ["/cis/v1/users/phone/", "phone"],
  ["/cis/v1/users/username/", "username"],
  ["/cis/v1/users/external-user-id/", "externalId"],
];

/** The users of the app: creation and look-ups. */
export function addUserRoutes(app: DialectApp, kit: DialectKit): void {
  const createUser = kit.method(UserService.method.createUser);
  const getUser = kit.method(UserService.method.getUser);

  const create = { schema: { body: createUserRequest, response: { 201: userResponse } } };
  app.post("/cis/v1/users", create, async (request, reply) => {
    const context = kit.asBackend(request, reply);
    const { user } = await createUser(context, fromUser(request.body));
    return await reply.code(201).send({ result: toUser(user!) });
  });

  const named = { schema: { querystring: byIdentifier, response: { 200: userResponse } } };
  app.get("/cis/v1/users/identifier", named, async (request, reply) => {
    const { identifier_name, identifier_value } = request.query;
    const context = kit.asBackend(request, reply);
    const key = keys.get(identifier_name);
    if (key === undefined)
      throw new RouteError("REQUEST_INVALID", `identifier_name must be one of ${[...keys.keys()].join(", ")}.`);
    // A plus sign that is not encoded arrives as a space.
    const value = key === "phone" ? identifier_value.replace(/^ /, "+") : identifier_value;
    const { user } = await getUser(context, { key: { case: key, value } });
    return { result: toUser(user!) };
  });

  const one = { schema: { params: ofUser, response: { 200: userResponse } } };
  for (const [path, key] of lookUps) {
    app.get(`${path}:user_id`, one, async (request, reply) => {
      const context = kit.asBackend(request, reply);
      const value = request.params.user_id;
      const named = key === "userId" && !isUuid(value) ? "externalId" : key;
      const { user } = await getUser(context, { key: { case: named, value } });
      return { result: toUser(user!) };
    });
  }
}

function fromUser(body: Static<typeof createUserRequest>) {
  if (body.credentials !== undefined) {
    throw new RouteError("NOT_OFFERED", "credentials is not offered: users sign in with codes alone. Leave it out.");
  }
  const { first_name, middle_name, last_name } = body.name ?? {};
  const { custom_data, custom_app_data } = body;
  // Safe: the body is parsed JSON.
  const appAttributes = { ...(custom_data && { custom_data }), ...(custom_app_data && { custom_app_data }) } as JsonObject;
  return {
    email: body.email ?? "",
    phone: body.phone_number ?? "",
    username: body.username ?? "",
    displayName: [first_name, middle_name, last_name].filter(Boolean).join(" "),
    locale: body.language ?? "",
    externalId: body.external_user_id ?? "",
    ...(Object.keys(appAttributes).length > 0 && { appAttributes }),
  };
}
