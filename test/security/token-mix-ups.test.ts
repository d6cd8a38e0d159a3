import { generateKeyPairSync } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { SessionKind } from "../../src/gen/latchkey/v1/session_pb.js";
import { TokenService } from "../../src/gen/latchkey/v1/token_service_pb.js";
import { callers, failureOf, type RpcCaller } from "../doors/callers.js";
import { postForm } from "../doors/http/form.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { signIn } from "../support/calls.js";
import { addApp, addClient, authWith, connectClient, type MadeClient } from "../support/clients.js";
import { testEngines } from "../support/engines.js";

const { method } = AuthService;

/** Good tokens of another app: the call is then one of that app's client, and can't be named as ours. */
const actsElsewhere = ["an access token of another app", "a client's token of another app"];

describe.each(testEngines())("a token in another's place on $engine", ({ database }) => {
  let app: TestApp;
  let backend: MadeClient;
  let foreign: MadeClient;
  /** Everything that is no access token of a user of this app, by what it is. */
  let wrong: Readonly<Record<string, string>>;
  let clientTokens: Readonly<Record<"own" | "foreign", string>>;
  let right: string;
  let credential: string;

  beforeAll(async () => {
    app = await startTestApp(await database());
    await addApp(app, "other");
    const scopes = ["otp:send", "otp:verify", "tokens:introspect"];
    backend = await addClient(app, { clientId: "backend", scopes });
    foreign = await addClient(app, { clientId: "foreign", appId: "other", scopes });
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwks = { keys: [pair.publicKey.export({ format: "jwk" })] };
    await addClient(app, { clientId: "keyed", jwks });
    const { tokens } = await signIn(app, "ada@example.com");
    right = tokens.accessToken;
    const there = await signIn({ auth: authWith(app, foreign), messageOf: app.messageOf }, "ada@example.com");
    clientTokens = { own: await clientToken(backend), foreign: await clientToken(foreign) };
    credential = await credentialOf(backend, "cora@example.com");
    const { challenge } = await app.auth.sendOtp({ identifier: { case: "email", value: "dora@example.com" } });
    const claims = { iss: "keyed", sub: "keyed", aud: app.settings.issuer, jti: "1", exp: app.clock() / 1000 + 60 };
    wrong = {
      "an id token": tokens.idToken,
      "a refresh token": tokens.refreshToken,
      "a contact proof": await contactProof(),
      "a challenge id": challenge!.challengeId,
      "a client's secret": backend.clientSecret,
      "a client's assertion": await new SignJWT(claims).setProtectedHeader({ alg: "ES256" }).sign(pair.privateKey),
      "an access token of another app": there.tokens.accessToken,
      "an id token of another app": there.tokens.idToken,
      "a client's token of another app": clientTokens.foreign,
    };
  });
  afterAll(() => app.stop());

  async function clientToken({ clientId, clientSecret }: MadeClient): Promise<string> {
    const service = connectClient(TokenService, app.app, {});
    return (await service.issueClientToken({ clientId, clientSecret })).accessToken;
  }

  async function credentialOf(client: MadeClient, email: string): Promise<string> {
    const auth = authWith(app, client);
    const { challenge } = await auth.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
    const { challengeId, code } = await app.messageOf(challenge);
    return (await auth.verifyOtp({ challengeId, code, session: SessionKind.CREDENTIAL })).sessionCredential;
  }

  async function contactProof(): Promise<string> {
    const identifier = { case: "email", value: "proof@example.com" } as const;
    const { challenge } = await app.auth.sendOtp({ identifier, purpose: Purpose.VERIFY_CONTACT });
    const { challengeId, code } = await app.messageOf(challenge);
    return (await app.auth.verifyOtp({ challengeId, code })).contactProof;
  }

  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  const liveSessions = async () => (await app.auth.listSessions({}, bearer(right))).sessions.length;

  describe.each(Object.entries(callers))("over %s", (_name, connect) => {
    let caller: RpcCaller;
    beforeAll(() => {
      caller = connect({ grpcAddress: `127.0.0.1:${app.app.grpcPort}`, webUrl: `http://127.0.0.1:${app.app.httpPort}` });
    });
    afterAll(() => caller.close());

    it("is refused on methods for users, and nothing changes", async () => {
      const before = await liveSessions();
      for (const [what, token] of Object.entries(wrong)) {
        if (actsElsewhere.includes(what)) continue;
        for (const one of [method.getCurrentUser, method.revokeOtherSessions, method.deleteCurrentUser]) {
          const failure = await failureOf(caller.call(one, {}, bearer(token)));
          expect([failure.code, failure.reason], `${what} on ${one.name}`).toEqual([Code.Unauthenticated, "TOKEN_INVALID"]);
        }
      }
      expect(await liveSessions()).toBe(before);
    });

    it("is a permission denied on methods for users if it is a client's own", async () => {
      for (const one of [method.getCurrentUser, method.revokeOtherSessions, method.deleteCurrentUser]) {
        const failure = await failureOf(caller.call(one, {}, bearer(clientTokens.own)));
        expect([failure.code, failure.reason], one.name).toEqual([Code.PermissionDenied, "USER_REQUIRED"]);
      }
    });

    it("is refused on methods for clients, where it could stand for one", async () => {
      for (const [what, token] of Object.entries(wrong)) {
        if (actsElsewhere.includes(what)) continue;
        const ask = caller.call(method.sendOtp, { identifier: { case: "email", value: "eve@example.com" } }, bearer(token));
        const failure = await failureOf(ask);
        expect([failure.code, failure.reason], what).toEqual([Code.Unauthenticated, "TOKEN_INVALID"]);
      }
    });

    it("of another app is refused if the call names a client of this app", async () => {
      for (const what of actsElsewhere) {
        const headers = { authorization: `Bearer ${wrong[what]}`, "x-latchkey-client": "default-web" };
        const user = await failureOf(caller.call(method.getCurrentUser, {}, { headers }));
        expect([user.code, user.reason], what).toEqual([Code.Unauthenticated, "CLIENT_UNKNOWN"]);
      }
    });

    it("refreshes nothing", async () => {
      for (const [what, token] of Object.entries({ ...wrong, right, credential, client: clientTokens.own })) {
        if (what === "a refresh token") continue;
        const ask = caller.call(method.refreshToken, { refreshToken: token.slice(0, 512) });
        const failure = await failureOf(ask);
        expect(failure.reason, what).toBe("SESSION_ENDED");
      }
    });

    it("acts for the user of its own app only", async () => {
      const { user } = await caller.call(method.getCurrentUser, {}, bearer(right));
      expect(user?.contacts.map(({ value }) => value)).toEqual(["ada@example.com"]);
      const { user: cora } = await caller.call(method.getCurrentUser, {}, bearer(credential));
      expect(cora?.contacts.map(({ value }) => value)).toEqual(["cora@example.com"]);
    });
  });

  it("is inactive to introspection, but for refresh tokens, which are marked", async () => {
    const introspect = async (token: string) =>
      (await postForm(`http://127.0.0.1:${app.app.httpPort}/oauth2/introspect`, { token }, { authorization: backend.basic }))
        .json;
    for (const [what, token] of Object.entries(wrong)) {
      if (what === "a refresh token")
        expect(await introspect(token)).toMatchObject({ active: true, token_type: "refresh_token" });
      else expect(await introspect(token), what).toEqual({ active: false });
    }
    expect(await introspect(credential)).toMatchObject({ active: true, token_type: "Bearer", client_id: "backend" });
    expect(await introspect(right)).toMatchObject({ active: true, token_type: "Bearer", client_id: "default-web" });
  });

  it("of another app ends no session, over RPC and HTTP", async () => {
    const before = await liveSessions();
    const token = wrong["a refresh token"]!;
    for (const one of [token, right]) {
      await authWith(app, foreign).revokeToken({ token: one });
      const url = `http://127.0.0.1:${app.app.httpPort}/oauth2/revoke`;
      expect((await postForm(url, { token: one }, { authorization: foreign.basic })).status).toBe(200);
    }
    expect(await liveSessions()).toBe(before);
  });
});
