import { createClient, type Client as RpcClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AuthService } from "../../../src/gen/latchkey/v1/auth_service_pb.js";
import { TokenService } from "../../../src/gen/latchkey/v1/token_service_pb.js";
import { deploymentScopes, type Scope, scopes } from "../../../src/model/scope.js";
import { newApp, newClient } from "../../store/contract/directory-fixtures.js";
import type { TestApp } from "../../support/app.js";
import { addBackends } from "../../support/backends.js";
import type { Headers } from "./probes.js";

/** A confidential client, with what it authenticates with. */
export interface Backend {
  readonly clientId: string;
  readonly basic: string;
  /** Its client token. */
  readonly bearer: string;
}

/** A user who is signed in, with a session and a challenge of their own. */
export interface Person {
  readonly userId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sessionId: string;
  readonly challengeId: string;
  readonly code: string;
}

/** Everybody who calls in the matrix. All but `ofOther` belong to the app `default`. */
export interface Cast {
  readonly webClientId: string;
  /** Has every scope but this one; for `""`, no scope at all. */
  without(scope: string): Backend;
  /** Has only this scope; for `""`, none. */
  withOnly(scope: string): Backend;
  /** Has every scope that an app's own client can have, and belongs to another app and pool. */
  readonly ofOther: Backend;
  readonly operator: Backend;
  /** Has every scope that an app's own client can have. */
  readonly everything: Backend;
  readonly user: Person;
  readonly otherUser: Person;
  /** Signed in through a confidential client that has every scope. */
  readonly userOfBackend: Person;
}

const appScopes = scopes.filter((scope) => !deploymentScopes.includes(scope));

/** Makes the apps, clients and users. `scopesInUse` are those that methods ask for. */
export async function assemble(on: TestApp, scopesInUse: readonly string[]): Promise<Cast> {
  const { apps } = on.app.core.deps.store;
  const createdAt = on.clock();
  await apps.createApp({ app: newApp({ appId: "other", poolId: "other" }), now: createdAt });

  async function person(name: string, headers: Headers): Promise<Person> {
    const auth = clientOf(on, AuthService, headers);
    const identifier = { case: "email", value: `${name}@example.com` } as const;
    const first = await auth.sendOtp({ identifier, createUserIfMissing: true });
    const { tokens, sessionId, user } = await auth.verifyOtp(await on.messageOf(first.challenge));
    on.clock.advance(30_000);
    const { challenge } = await auth.sendOtp({ identifier });
    const { challengeId, code } = await on.messageOf(challenge);
    const { accessToken, refreshToken } = tokens!;
    return { userId: user!.userId, accessToken, refreshToken, sessionId, challengeId, code };
  }

  const webClientId = "web";
  await apps.createClient({ client: newClient({ clientId: webClientId, createdAt }), secret: null });
  const backends = await backendsOf(on, [...new Set([...scopesInUse, ""])]);
  const [ofOther, operator, everything] = ["of-other", "operator", "everything"].map((id) => backends.get(id)!);
  const asWeb = { "x-latchkey-client": webClientId };
  return {
    webClientId,
    without: (scope) => backends.get(idOf("without", scope))!,
    withOnly: (scope) => backends.get(idOf("only", scope))!,
    ofOther: ofOther!,
    operator: operator!,
    everything: everything!,
    user: await person("ada", asWeb),
    otherUser: await person("grace", asWeb),
    userOfBackend: await person("joan", { authorization: everything!.bearer }),
  };
}

const idOf = (kind: "without" | "only", scope: string): string => `${kind}-${scope.replace(":", "-") || "none"}`;

/** Each confidential client by its id, with a client token. */
async function backendsOf(on: TestApp, wanted: readonly string[]): Promise<ReadonlyMap<string, Backend>> {
  const restricted = wanted.flatMap((scope) => [
    { clientId: idOf("without", scope), scopes: scope === "" ? [] : scopes.filter((one) => one !== scope) },
    { clientId: idOf("only", scope), scopes: scope === "" ? [] : [scope as Scope] },
  ]);
  const added = await addBackends(on, [
    ...restricted,
    { clientId: "everything", scopes: appScopes },
    { clientId: "operator", scopes: deploymentScopes },
    { clientId: "of-other", appId: "other", scopes: appScopes },
  ]);
  const withTokens = added.map(async ({ clientId, basic }): Promise<[string, Backend]> => {
    const { accessToken } = await clientOf(on, TokenService, { authorization: basic }).issueClientToken({});
    return [clientId, { clientId, basic, bearer: `Bearer ${accessToken}` }];
  });
  return new Map(await Promise.all(withTokens));
}

function clientOf<S extends typeof AuthService | typeof TokenService>(on: TestApp, service: S, headers: Headers): RpcClient<S> {
  const transport = createConnectTransport({
    baseUrl: `http://127.0.0.1:${on.app.httpPort}`,
    httpVersion: "1.1",
    interceptors: [
      (next) => (request) => {
        for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
        return next(request);
      },
    ],
  });
  return createClient(service, transport);
}
