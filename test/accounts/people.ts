import { type Client, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { guessesKey } from "../../src/auth/budgets.js";
import { BadRequestSchema, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import type { User } from "../../src/gen/latchkey/v1/user_pb.js";
import { UserService } from "../../src/gen/latchkey/v1/user_service_pb.js";
import type { AppRecord } from "../../src/model/app.js";
import { deploymentScopes, type Scope, scopes } from "../../src/model/scope.js";
import { contactFailuresMax } from "../../src/model/user.js";
import { newApp } from "../store/contract/directory-fixtures.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { addBackends, type TestBackend } from "../support/backends.js";

export type Users = Client<typeof UserService>;
export type Auth = Client<typeof AuthService>;

/** A backend of an app: what it may call. */
export interface BackendUnderTest {
  readonly backend: TestBackend;
  readonly users: Users;
  readonly auth: Auth;
}

/** A server with three apps: `default` and `shop` share their people, `island` has its own. */
export interface People {
  readonly on: TestApp;
  /** With every scope that an app's own client can have. */
  readonly main: BackendUnderTest;
  readonly shop: BackendUnderTest;
  readonly island: BackendUnderTest;
  /** Of the app `default`, with every scope. */
  readonly operator: BackendUnderTest;
  /** A client of the app `default` with these scopes only. */
  withScopes(...wanted: readonly Scope[]): Promise<BackendUnderTest>;
  /** Changes an app, and resolves when the server knows it. */
  changeApp(appId: string, changes: Partial<AppRecord>): Promise<void>;
  /** Signs in by a code to this contact, as the app's own backend. Throws if the code is refused. */
  signIn(as: BackendUnderTest, email: string): ReturnType<Auth["verifyOtp"]>;
  advance(ms: number): void;
}

const appScopes = scopes.filter((scope) => !deploymentScopes.includes(scope));

export const roles = ["admin", "editor", "reader"];

export async function startPeople(env: Readonly<Record<string, string>>): Promise<People> {
  const on = await startTestApp({ LATCHKEY_AUTO_REGISTRATION: "off", ...env });
  const { store } = on.app.core.deps;
  for (const [appId, poolId] of [
    ["shop", "main"],
    ["island", "island"],
  ] as const) {
    await store.apps.createApp({ app: newApp({ appId, poolId, roles }), now: on.clock() });
  }
  await store.apps.changeApp({ appId: "default", apply: (app) => ({ ...app, roles }) });
  const ids = [
    { clientId: "main-backend", scopes: appScopes },
    { clientId: "shop-backend", appId: "shop", scopes: appScopes },
    { clientId: "island-backend", appId: "island", scopes: appScopes },
    { clientId: "operator", scopes },
  ];
  const [main, shop, island, operator] = (await addBackends(on, ids)).map((backend) => of(on, backend));
  let added = 0;
  return {
    on,
    main: main!,
    shop: shop!,
    island: island!,
    operator: operator!,
    async withScopes(...wanted) {
      added += 1;
      const [backend] = await addBackends(on, [{ clientId: `limited-${added}`, scopes: wanted }]);
      return of(on, backend!);
    },
    async changeApp(appId, changes) {
      await store.apps.changeApp({ appId, apply: (app) => ({ ...app, ...changes }) });
      // A client that is known came with the same revision or a later one.
      added += 1;
      await addBackends(on, [{ clientId: `mark-${added}` }]);
    },
    async signIn({ auth }, email) {
      const { challenge } = await auth.sendOtp({ identifier: { case: "email", value: email } });
      const { code } = await on.messageOf(challenge);
      return await auth.verifyOtp({ challengeId: challenge!.challengeId, code });
    },
    advance: (ms) => on.clock.advance(ms),
  };
}

function of(on: TestApp, backend: TestBackend): BackendUnderTest {
  const authorize: Interceptor = (next) => (request) => {
    request.header.set("authorization", backend.basic);
    return next(request);
  };
  const baseUrl = `http://127.0.0.1:${on.app.httpPort}`;
  const transport = createConnectTransport({ baseUrl, httpVersion: "1.1", interceptors: [authorize] });
  return { backend, users: createClient(UserService, transport), auth: createClient(AuthService, transport) };
}

/** How a call was refused. */
export interface RefusedCall {
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** `field: description` of each violation. */
  readonly violations: readonly string[];
}

/** The refusal of a call that must be refused. */
export async function refusal(call: Promise<unknown>): Promise<RefusedCall> {
  const error = await call.then(
    () => new Error("the call was not refused"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw error;
  const [info] = error.findDetails(ErrorInfoSchema);
  const [bad] = error.findDetails(BadRequestSchema);
  return {
    reason: info?.reason ?? "",
    metadata: info?.metadata ?? {},
    violations: bad?.fieldViolations.map(({ field, description }) => `${field}: ${description}`) ?? [],
  };
}

/** The contacts of a user in short: `email a@example.com verified`. */
export function contactsOf(user: User | undefined): readonly string[] {
  return (user?.contacts ?? []).map(({ value, verifiedAt }) => `${value} ${verifiedAt === undefined ? "claimed" : "verified"}`);
}

/** Proves a contact as a client. Returns the proof. */
export async function proveContact({ on }: People, { auth }: BackendUnderTest, email: string): Promise<string> {
  const { challenge } = await auth.sendOtp({
    identifier: { case: "email", value: email },
    purpose: Purpose.VERIFY_CONTACT,
  });
  const { code } = await on.messageOf(challenge);
  return (await auth.verifyOtp({ challengeId: challenge!.challengeId, code })).contactProof;
}

/** Spends wrong codes on one challenge for the contact. */
export async function wrongCodes(
  { on }: People,
  { auth }: BackendUnderTest,
  { email, count }: { readonly email: string; readonly count: number },
): Promise<void> {
  const { challenge } = await auth.sendOtp({ identifier: { case: "email", value: email } });
  const { code } = await on.messageOf(challenge);
  const wrong = code.startsWith("0") ? `1${code.slice(1)}` : `0${code.slice(1)}`;
  for (let index = 0; index < count; index += 1) {
    const refused = await refusal(auth.verifyOtp({ challengeId: challenge!.challengeId, code: wrong }));
    if (!["CODE_INVALID", "ACCOUNT_LOCKED"].includes(refused.reason)) throw new Error(refused.reason);
  }
}

/** Counts so many failures of a contact that it is disabled. Real guesses would take three days of the limits. */
export async function disableContact({ on }: People, poolId: string, email: string): Promise<void> {
  const { store, lookup } = on.app.core.deps;
  const key = guessesKey(lookup.identifier(poolId, { kind: "email", value: email }));
  for (let index = 0; index < contactFailuresMax; index += 1) {
    await store.budgets.spend({ charges: [{ key, limits: [], countsFailures: true }], now: on.clock() });
  }
}
