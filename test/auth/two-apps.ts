import type { Client } from "@connectrpc/connect";
import { vi } from "vitest";
import type { CodeHasher } from "../../src/crypto/code-hash.js";
import type { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import type { Challenge } from "../../src/gen/latchkey/v1/challenge_pb.js";
import type { AppPolicy } from "../../src/model/app-policy.js";
import { scopes } from "../../src/model/scope.js";
import { storeLocation } from "../../src/server/core.js";
import { openStore } from "../../src/store/open.js";
import type { Store } from "../../src/store/port/store.js";
import { newApp, newClient } from "../store/contract/directory-fixtures.js";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { addBackend } from "../support/backend.js";

export type Auth = Client<typeof AuthService>;
export type AppId = "plain" | "strict";

/** One of the apps, as its callers see it. */
export interface AppUnderTest {
  readonly appId: AppId;
  /** Its public client, which may verify by identifier. */
  readonly web: Auth;
  /** Its confidential client, with every scope. It may verify by identifier too. */
  readonly backend: Auth;
  /** The confidential client with more headers. */
  backendWith(headers: Readonly<Record<string, string>>): Auth;
  /** The public client, at another network address. */
  webFrom(address: string): Auth;
}

/** A server with two apps that have clients of the same kinds. */
export interface TwoApps {
  readonly server: TestApp;
  readonly plain: AppUnderTest;
  readonly strict: AppUnderTest;
  /** What another process has of the same database. */
  readonly elsewhere: Store;
  /** Changes the policy of an app in the other process. Resolves when the server acts by it, which takes a second at most. */
  change(appId: AppId, policy: AppPolicy): Promise<void>;
  /** An identifier that was not used yet. */
  newEmail(): { readonly case: "email"; readonly value: string };
  /** Sends a code to sign in or up. */
  send(auth: Auth, identifier?: { readonly case: "email"; readonly value: string }): Promise<Challenge>;
  /** Redeems a challenge by the code that was sent. */
  redeem(auth: Auth, challenge: Challenge): ReturnType<Auth["verifyOtp"]>;
  stop(): Promise<void>;
}

/**
 * Starts the server. Its reads of the directory wait for the test: `change` lets a second of them pass. With `pools` the two apps
 * have different people.
 */
export async function startTwoApps(
  env: Readonly<Record<string, string>>,
  options: { readonly policy?: AppPolicy; readonly pools?: boolean; readonly codes?: CodeHasher } = {},
): Promise<TwoApps> {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const { policy = {}, pools = false, codes } = options;
  const server = await startTestApp(env, codes === undefined ? {} : { codes });
  const elsewhere = await openStore(storeLocation(server.settings), { inFlight: () => 0, clock: server.clock });

  async function addApp(appId: AppId): Promise<AppUnderTest> {
    const poolId = pools ? `people-of-${appId}` : "main";
    await elsewhere.apps.createApp({ app: newApp({ appId, poolId, policy }), now: server.clock() });
    const common = { appId, verifyByIdentifier: true } as const;
    await elsewhere.apps.createClient({ client: newClient({ clientId: `${appId}-web`, ...common }), secret: null });
    const { authorization } = await addBackend(
      { store: elsewhere },
      { clientId: `${appId}-backend`, scopes: [...scopes], ...common },
    );
    const id = { "x-latchkey-client": `${appId}-web` };
    return {
      appId,
      web: server.authWith(id),
      backend: server.authWith({ authorization }),
      backendWith: (headers) => server.authWith({ authorization, ...headers }),
      webFrom: (address) => server.authWith({ "x-forwarded-for": address, ...id }),
    };
  }

  const apps = { plain: await addApp("plain"), strict: await addApp("strict") };
  vi.advanceTimersByTime(1_000);
  let changes = 0;
  let emails = 0;
  const newEmail = () => ({ case: "email" as const, value: `person${emails++}@example.com` });
  const knows = async (origin: string) => {
    const response = await fetch(`http://127.0.0.1:${server.app.httpPort}/latchkey.v1.AuthService/SendOtp`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
    await response.arrayBuffer();
    return response.headers.get("access-control-allow-origin") === origin;
  };
  return {
    server,
    ...apps,
    elsewhere,
    async change(appId, changed) {
      // The origin comes with the same revision, so that the server has the policy when it knows the origin.
      const origin = `https://change-${changes++}.example`;
      await elsewhere.apps.changeApp({
        appId,
        apply: (app) => ({ ...app, policy: { ...app.policy, ...changed }, allowedOrigins: [origin] }),
      });
      await eventually("the change", async () => {
        // A tick does nothing while an older read is running, so one alone might not see the change.
        vi.advanceTimersByTime(250);
        return (await knows(origin)) ? true : undefined;
      });
    },
    newEmail,
    async send(auth, identifier = newEmail()) {
      return (await auth.sendOtp({ identifier, createUserIfMissing: true })).challenge!;
    },
    async redeem(auth, challenge) {
      const { code } = await server.messageOf(challenge);
      return await auth.verifyOtp({ challengeId: challenge.challengeId, code });
    },
    async stop() {
      vi.useRealTimers();
      await elsewhere.close();
      await server.stop();
    },
  };
}
