import { create, toBinary } from "@bufbuild/protobuf";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AuthService,
  RegisterUserRequestSchema,
  UpdateCurrentUserRequestSchema,
} from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { UserService } from "../../src/gen/latchkey/v1/user_service_pb.js";
import { startTwoApps, type TwoApps } from "../auth/two-apps.js";
import { type RawDoor, rawDoors } from "../doors/raw-doors.js";
import { bearer } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { addMember } from "../support/members.js";
import { bytesField, numberField } from "../support/wire.js";

/** Everything about a user that the user must not write, by its name in JSON and in a mask, with its number in `User`. */
const forbidden = [
  { json: "roles", path: "roles", value: ["admin"], binary: bytesField(10, "admin") },
  { json: "kind", path: "kind", value: "staff", binary: bytesField(11, "staff") },
  { json: "ownerOrganization", path: "owner_organization", value: "other", binary: bytesField(12, "other") },
  { json: "externalId", path: "external_id", value: "other", binary: bytesField(13, "other") },
  { json: "appAttributes", path: "app_attributes", value: { plan: "gold" }, binary: bytesField(14, "") },
  { json: "credentialType", path: "credential_type", value: "CREDENTIAL_TYPE_NONE", binary: numberField(15, 2) },
  { json: "state", path: "state", value: "USER_STATE_ACTIVE", binary: numberField(8, 1) },
  { json: "number", path: "number", value: "1", binary: numberField(9, 1) },
  { json: "userId", path: "user_id", value: "00000000-0000-4000-8000-000000000000", binary: bytesField(20, "0") },
  { json: "username", path: "username", value: "root", binary: bytesField(21, "root") },
  { json: "contacts", path: "contacts", value: [{ value: "a@example.com" }], binary: bytesField(22, "") },
  { json: "app", path: "app", value: { plan: "gold" }, binary: bytesField(23, "") },
] as const;

const invalid = { reason: "REQUEST_INVALID" };

describe.each(testEngines())("the two bags of attributes, on $engine:", ({ database }) => {
  let on: TwoApps;
  let target: { readonly grpcAddress: string; readonly webUrl: string };
  let userId: string;
  let refreshToken: string;
  let asUser: Readonly<Record<string, string>>;
  /** What tokens and the membership said before the tests. */
  let before: unknown;

  beforeAll(async () => {
    on = await startTwoApps(await database(), {
      policy: { tokenFields: ["username", "roles"], tokenAttributes: ["plan", "roles", "app"] },
    });
    await on.elsewhere.apps.changeApp({ appId: "plain", apply: (app) => ({ ...app, roles: ["admin", "nurse"] }) });
    await on.change("plain", {});
    const { app } = on.server;
    target = { grpcAddress: `127.0.0.1:${app.grpcPort}`, webUrl: `http://127.0.0.1:${app.httpPort}` };
    const email = on.newEmail();
    const given = { email: email.value, username: "plainuser", roles: ["nurse"], appAttributes: '{"plan":"basic"}' };
    ({ userId } = (await addMember(on.elsewhere, { appId: "plain", now: on.server.clock() }, given)).user);
    const { tokens } = await on.redeem(on.plain.web, await on.send(on.plain.web, email));
    ({ refreshToken } = tokens!);
    asUser = bearer(tokens!.accessToken).headers;
    before = await seen();
    expect(before).toMatchObject({ claims: { roles: ["nurse"], app: { plan: "basic" }, preferred_username: "plainuser" } });
  });
  afterAll(() => on.stop());

  /** What new tokens say, and what the app says about the member. */
  async function seen() {
    const renewed = await on.plain.web.refreshToken({ refreshToken });
    ({ refreshToken } = renewed.tokens!);
    const { roles, app, preferred_username } = decodeJwt(renewed.tokens!.accessToken);
    const key = { kind: "user_id" as const, value: userId };
    const found = await on.elsewhere.users.find({ poolId: "main", appId: "plain", key });
    const { username, number, contacts } = found!.user;
    return { claims: { roles, app, preferred_username }, membership: found!.membership, username, number, contacts };
  }

  const update = UpdateCurrentUserRequestSchema;
  const path = "/latchkey.v1.AuthService/UpdateCurrentUser";
  const masked = (format: RawDoor["format"], given: (typeof forbidden)[number]) =>
    format === "json"
      ? Buffer.from(JSON.stringify({ displayName: "x", updateMask: given.json }))
      : Buffer.from(toBinary(update, create(update, { displayName: "x", updateMask: { paths: [given.path] } })));

  it.each(Object.entries(rawDoors))("over %s a user writes nothing that tokens carry", async (_, door) => {
    for (const given of forbidden) {
      expect(await door.post(target, path, masked(door.format, given), asUser), given.path).toMatchObject(invalid);
      const named = { displayName: "Named", updateMask: { paths: ["display_name"] } };
      if (door.format === "json") {
        const body = { displayName: "Named", updateMask: "displayName", [given.json]: given.value };
        expect(await door.post(target, path, Buffer.from(JSON.stringify(body)), asUser), given.json).toMatchObject(invalid);
      } else {
        const body = Buffer.concat([toBinary(update, create(update, named)), given.binary]);
        // Protobuf ignores fields that the message does not have.
        expect([0, 3], given.json).toContain((await door.post(target, path, body, asUser)).code);
      }
    }
    expect(await seen()).toEqual(before);
  });

  it.each(Object.entries(rawDoors))("over %s no method of UserService takes a user's token", async (_, door) => {
    for (const { name } of UserService.methods) {
      const empty = door.format === "json" ? Buffer.from("{}") : Buffer.alloc(0);
      const reply = await door.post(target, `/latchkey.v1.UserService/${name}`, empty, asUser);
      expect(reply.reason, name).toBe("SCOPE_MISSING");
    }
    expect(await seen()).toEqual(before);
  });

  it("custom attributes with the same names are the user's own data, whoever writes them first", async () => {
    const customAttributes = { roles: ["admin"], plan: "gold", app: { plan: "gold" }, app_attributes: { plan: "gold" } };
    const { user } = await on.plain.web.updateCurrentUser(
      { customAttributes, updateMask: { paths: ["custom_attributes"] } },
      { headers: asUser },
    );
    expect(user).toMatchObject({ customAttributes, roles: ["nurse"] });
    expect(await seen()).toEqual(before);

    const { challenges } = await on.plain.web.registerUser({ email: on.newEmail().value, customAttributes });
    const { tokens, user: registered } = await on.redeem(on.plain.web, challenges[0]!);
    expect(registered).toMatchObject({ customAttributes, roles: [] });
    expect(decodeJwt(tokens!.accessToken)).toMatchObject({ roles: [] });
    expect(decodeJwt(tokens!.accessToken).app).toBeUndefined();
  });

  it("a registration takes none of them: unknown fields are refused in JSON and ignored in Protobuf", async () => {
    for (const [, door] of Object.entries(rawDoors)) {
      const post = (message: Buffer) =>
        door.post(target, "/latchkey.v1.AuthService/RegisterUser", message, {
          "x-latchkey-client": "plain-web",
        });
      for (const given of forbidden.filter(({ json }) => json !== "username")) {
        const email = on.newEmail().value;
        const request = create(RegisterUserRequestSchema, { email });
        if (door.format === "json") {
          expect(await post(Buffer.from(JSON.stringify({ email, [given.json]: given.value })))).toMatchObject(invalid);
        } else if (given.path === "roles") {
          expect((await post(Buffer.concat([toBinary(RegisterUserRequestSchema, request), given.binary]))).code).toBe(0);
          const [message] = await on.server.messages(email);
          const { user, tokens } = await on.plain.web.verifyOtp({ challengeId: message!.challengeId, code: message!.code });
          expect(user?.roles).toEqual([]);
          expect(decodeJwt(tokens!.accessToken).roles).toEqual([]);
        }
      }
    }
  });

  it("over OAuth neither a parameter nor a scope changes what tokens carry", async () => {
    const body = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "plain-web",
      refresh_token: refreshToken,
      roles: "admin",
      app: '{"plan":"gold"}',
    });
    const response = await fetch(`${target.webUrl}/oauth2/token`, { method: "POST", body });
    const answer = (await response.json()) as { access_token?: string; refresh_token?: string };
    if (answer.refresh_token !== undefined) {
      refreshToken = answer.refresh_token;
      expect(decodeJwt(answer.access_token!)).toMatchObject({ roles: ["nurse"], app: { plan: "basic" } });
    }
    expect(await seen()).toEqual(before);
  });

  it("with a contact change or any other method of the user nothing of them changes", async () => {
    const fresh = await on.redeem(on.plain.web, await on.send(on.plain.web));
    const token = bearer(fresh.tokens!.accessToken);
    for (const { name, input } of AuthService.methods) {
      if (/Delete|Revoke|Refresh|Verify/.test(name)) continue;
      for (const [, door] of Object.entries(rawDoors)) {
        if (door.format !== "json") continue;
        const body = { roles: ["admin"], appAttributes: { plan: "gold" } };
        const reply = await door.post(
          target,
          `/latchkey.v1.AuthService/${name}`,
          Buffer.from(JSON.stringify(body)),
          token.headers,
        );
        expect([name, reply.code === 0, input.fields.some(({ name: field }) => field === "roles")]).toEqual([
          name,
          false,
          false,
        ]);
      }
    }
    expect(await seen()).toEqual(before);
  });
});
