import { Type } from "typebox";
import { type User, UserState } from "../../../../gen/latchkey/v1/user_pb.js";
import { UserService } from "../../../../gen/latchkey/v1/user_service_pb.js";
import type { CallContext } from "../../../../rpc/call-context.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { changesOf, type Kind, kinds, newUserOf, toEntity } from "./entity.js";
import { byId, type EntityRequest, entityRequest, entityResponse, signUpResponse } from "./schemas.js";

/** Patients, caregivers and users of organizations, for backends with a client token. */
export function addUserRoutes(app: DialectApp, kit: DialectKit): void {
  const createUser = kit.method(UserService.method.createUser);
  const getUser = kit.method(UserService.method.getUser);
  const updateUser = kit.method(UserService.method.updateUser);
  const lockUser = kit.method(UserService.method.lockUser);
  const unlockUser = kit.method(UserService.method.unlockUser);

  async function create(context: CallContext, kind: Kind, body: unknown) {
    const { user } = await createUser(context, newUserOf(kind, body as EntityRequest));
    return await enabledAs(context, user!, body as EntityRequest);
  }

  /** Locks or unlocks the user as the body says. */
  async function enabledAs(context: CallContext, user: User, { _enabled }: EntityRequest) {
    const { userId } = user;
    const isLocked = user.state === UserState.LOCKED;
    if (_enabled === "DISABLED" && !isLocked) return toEntity((await lockUser(context, { userId })).user!);
    if (_enabled === "ENABLED" && isLocked) return toEntity((await unlockUser(context, { userId })).user!);
    return toEntity(user);
  }

  /** A user of another kind counts as missing. */
  async function find(context: CallContext, kind: Kind, userId: string): Promise<User> {
    const { user } = await getUser(context, { key: { case: "userId", value: userId } });
    if (user!.kind !== kind) throw new RouteError("USER_NOT_FOUND", "The app has no such user.");
    return user!;
  }

  const creation = { body: entityRequest, response: { 201: entityResponse } };
  for (const [plural, kind] of Object.entries(kinds)) {
    const path = `/organization/v1/users/${plural}`;
    app.post(path, { schema: creation }, async (request, reply) =>
      reply.code(201).send(await create(kit.asCaller(request, reply), kind, request.body)),
    );

    const ofTemplate = { ...creation, params: Type.Object({ templateName: Type.String() }) };
    app.post(`${path}/templates/:templateName`, { schema: ofTemplate }, async (request, reply) => {
      const body = { ...request.body, _template: { name: request.params.templateName } };
      return await reply.code(201).send(await create(kit.asCaller(request, reply), kind, body));
    });

    app.get(`${path}/:id`, { schema: { params: byId, response: { 200: entityResponse } } }, async (request, reply) =>
      toEntity(await find(kit.asCaller(request, reply), kind, request.params.id)),
    );

    const change = { schema: { params: byId, body: entityRequest, response: { 200: entityResponse } } };
    app.patch(`${path}/:id`, change, async (request, reply) => {
      const context = kit.asCaller(request, reply);
      const before = await find(context, kind, request.params.id);
      const changes = changesOf(before, request.body as EntityRequest);
      const after = changes === null ? before : (await updateUser(context, changes)).user!;
      return await enabledAs(context, after, request.body as EntityRequest);
    });
  }

  const signUp = { schema: { body: entityRequest, response: { 201: signUpResponse } } };
  app.post("/api-gateway/v1/sign-up", signUp, async (request, reply) => {
    const patient = await create(kit.asCaller(request, reply), kinds.patients, request.body);
    return await reply.code(201).send({ patient });
  });
}
