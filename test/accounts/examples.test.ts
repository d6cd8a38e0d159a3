import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreateUserRequestSchema, ListUsersRequestSchema, UserService, UserState } from "../../src/client/gen.js";
import { newClientSecret } from "../../src/crypto/client-secret.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { testEngines } from "../support/engines.js";

describe.each(testEngines())("the documented calls of UserService on $engine", ({ database }) => {
  const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
  const backend = { clientId: "default-backend", clientSecret: newClientSecret().secret };
  const authorization = `Basic ${Buffer.from(`${admin.clientId}:${admin.clientSecret}`).toString("base64")}`;
  let on: TestApp;
  beforeAll(async () => {
    on = await startTestApp(await database(), { developmentClients: [admin, backend] });
    await call("AppService/UpdateApp", { appId: "default", roles: ["admin"], updateMask: "roles" });
  });
  afterAll(() => on.stop());

  async function call(method: string, request: object) {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/latchkey.v1.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-protocol-version": "1", authorization },
      body: JSON.stringify(request),
    });
    // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes
    return { status: response.status, body: (await response.json()) as any };
  }

  it("CreateUser, ListUsers and LockUser work as written over Connect JSON", async () => {
    const created = await call("UserService/CreateUser", {
      email: "ada@example.com",
      phone: "+4915112345678",
      username: "ada",
      roles: ["admin"],
    });
    expect(created).toMatchObject({
      status: 200,
      body: { user: { username: "ada", roles: ["admin"], state: "USER_STATE_ACTIVE" }, created: true },
    });
    const { userId } = created.body.user;
    const listed = await call("UserService/ListUsers", { pageSize: 50, filter: { email: "ada@example.com" } });
    expect(listed).toEqual({ status: 200, body: { users: [created.body.user] } });
    const locked = await call("UserService/LockUser", { userId });
    expect(locked).toMatchObject({ status: 200, body: { user: { userId, state: "USER_STATE_LOCKED" } } });
  });

  it("the same fields work over gRPC", async () => {
    const transport = createGrpcTransport({
      baseUrl: `http://127.0.0.1:${on.app.grpcPort}`,
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", authorization);
          return next(request);
        },
      ],
    });
    const users = createClient(UserService, transport);
    const request: MessageInitShape<typeof CreateUserRequestSchema> = {
      email: "grace@example.com",
      phone: "+4915112345679",
      username: "grace",
      roles: ["admin"],
    };
    const { user } = await users.createUser(create(CreateUserRequestSchema, request));
    expect(user).toMatchObject({ username: "grace", roles: ["admin"] });
    const list = { pageSize: 50, filter: { field: { case: "email", value: "grace@example.com" } } } as const;
    expect((await users.listUsers(create(ListUsersRequestSchema, list))).users).toEqual([user]);
    expect((await users.lockUser({ userId: user!.userId })).user!.state).toBe(UserState.LOCKED);
  });
});
