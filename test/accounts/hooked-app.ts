import { newClientSecret } from "../../src/crypto/client-secret.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { type HookServer, startHookServer } from "./hook-server.js";

type Auth = TestApp["auth"];

/** A server with the app `shop`, which has the roles `buyer` and `seller` and a registration hook, and the app `default`, which has none. */
export interface HookedApp {
  readonly on: TestApp;
  readonly hook: HookServer;
  /** The secret that the hook verifies with. */
  readonly secret: () => string;
  /** The public client of the app `shop`, and of the app `default`, which has the same people. */
  readonly web: Auth;
  readonly other: Auth;
  /** Calls a method of AppService or UserService as the administrator. Throws if it is refused. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes
  admin(method: string, request: object): Promise<any>;
  put(changes?: { readonly url?: string; readonly onFailure?: string }): Promise<void>;
  /** Sends a code by `auth` and returns what redeems it. */
  send(auth: Auth, email: string): Promise<{ readonly challengeId: string; readonly code: string }>;
  /** What the app `shop` has of a person, or null. */
  memberOf(email: string): ReturnType<TestApp["app"]["core"]["deps"]["store"]["users"]["find"]>;
  stop(): Promise<void>;
}

export async function startHookedApp(env: Readonly<Record<string, string>> = {}): Promise<HookedApp> {
  const clientSecret = newClientSecret().secret;
  const hook = await startHookServer();
  const on = await startTestApp(env, { developmentClients: [{ clientId: "default-admin", clientSecret }] });
  const authorization = `Basic ${Buffer.from(`default-admin:${clientSecret}`).toString("base64")}`;
  let secret = "";

  async function admin(method: string, request: object) {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/latchkey.v1.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-protocol-version": "1", authorization },
      body: JSON.stringify(request),
    });
    const body = await response.json();
    if (!response.ok) throw new Error(`${method}: ${JSON.stringify(body)}`);
    return body;
  }

  async function put({ url = hook.url, onFailure = "HOOK_FAILURE_REFUSE" } = {}): Promise<void> {
    ({ secret } = await admin("AppService/PutRegistrationHook", { appId: "shop", url, onFailure }));
  }

  await admin("AppService/CreateApp", { appId: "shop", roles: ["buyer", "seller"] });
  await admin("AppService/CreateClient", { appId: "shop", clientId: "shop-web", kind: "CLIENT_KIND_PUBLIC" });
  await put();
  return {
    on,
    hook,
    secret: () => secret,
    web: on.authAs("shop-web"),
    other: on.authAs("default-web"),
    admin,
    put,
    async send(auth, email) {
      const { challenge } = await auth.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
      return await on.messageOf(challenge);
    },
    memberOf: (email) =>
      on.app.core.deps.store.users.find({ poolId: "main", appId: "shop", key: { kind: "email", value: email } }),
    async stop() {
      await on.stop();
      hook.stop();
    },
  };
}
