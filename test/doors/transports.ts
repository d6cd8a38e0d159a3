import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { UserState } from "../../src/gen/latchkey/v1/user_pb.js";
import { type callers, failureOf, type RpcCaller, type Target } from "./callers.js";

/** A running service, whichever is behind it. */
export interface Running extends Target {
  /** The latest code sent to an e-mail address. */
  codeSentTo(email: string): Promise<string>;
  stop(): Promise<void>;
}

const { method } = AuthService;
const email = "ada@example.com";

/** The same calls with the same answers on every transport. A new address for every run keeps cooldowns out of it. */
export function describeTransports(start: () => Promise<Running>, transports: typeof callers): void {
  let running: Running;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(async () => await running.stop());

  describe.each(Object.entries(transports))("over %s", (_name, connect) => {
    let caller: RpcCaller;
    beforeAll(() => {
      caller = connect(running);
    });
    afterAll(() => caller.close());

    async function signIn() {
      const { challenge } = await caller.call(method.sendOtp, {
        identifier: { case: "email", value: email },
        createUserIfMissing: true,
      });
      const code = await running.codeSentTo(email);
      return await caller.call(method.verifyOtp, { challengeId: challenge?.challengeId ?? "", code });
    }

    it("a code buys a session whose tokens work", async () => {
      const { tokens, sessionId } = await signIn();
      expect(tokens).toMatchObject({ tokenType: "Bearer" });
      expect(sessionId).not.toBe("");
      const headers = { authorization: `Bearer ${tokens?.accessToken}` };
      const { user } = await caller.call(method.getCurrentUser, {}, { headers });
      expect(user).toMatchObject({ state: UserState.ACTIVE, contacts: [{ value: email }] });
      const { sessions } = await caller.call(method.listSessions, {}, { headers });
      expect(sessions.filter(({ current }) => current)).toHaveLength(1);
      const refreshed = await caller.call(method.refreshToken, { refreshToken: tokens?.refreshToken ?? "" });
      expect(refreshed.tokens?.refreshToken).not.toBe(tokens?.refreshToken);
    });

    it("RevokeToken takes whatever it is given", async () => {
      await caller.call(method.revokeToken, { token: "garbage" });
    });

    const refusals = [
      {
        what: "a wrong code",
        call: () => caller.call(method.verifyOtp, { challengeId: "AAAAAAAAAAAAAAAAAAAAAA", code: "000000" }),
        told: { code: Code.Unauthenticated, reason: "CODE_INVALID" },
      },
      {
        what: "a refresh token that is garbage",
        call: () => caller.call(method.refreshToken, { refreshToken: "garbage" }),
        told: { code: Code.Unauthenticated, reason: "SESSION_ENDED" },
      },
      {
        what: "no access token",
        call: () => caller.call(method.getCurrentUser, {}),
        told: { code: Code.Unauthenticated, reason: "TOKEN_INVALID" },
      },
      {
        what: "an access token that is garbage",
        call: () => caller.call(method.getCurrentUser, {}, { headers: { authorization: "Bearer garbage" } }),
        told: { code: Code.Unauthenticated, reason: "TOKEN_INVALID" },
      },
      {
        what: "an access token that is garbage, where none is needed",
        call: () =>
          caller.call(
            method.sendOtp,
            { identifier: { case: "email", value: email } },
            { headers: { authorization: "Bearer garbage" } },
          ),
        told: { code: Code.Unauthenticated, reason: "TOKEN_INVALID" },
      },
      {
        what: "an unknown client",
        call: () => caller.call(method.revokeToken, { token: "t" }, { headers: { "x-latchkey-client": "nobody" } }),
        told: { code: Code.Unauthenticated, reason: "CLIENT_UNKNOWN" },
      },
      {
        what: "fields out of their bounds",
        call: () =>
          caller.call(method.verifyOtp, { challengeId: "no spaces", code: "letters", expectedContact: "x".repeat(255) }),
        told: {
          code: Code.InvalidArgument,
          reason: "REQUEST_INVALID",
          fields: ["challenge_id", "code", "expected_contact"],
        },
      },
      {
        what: "no identifier at all",
        call: () => caller.call(method.sendOtp, {}),
        told: { code: Code.InvalidArgument, reason: "REQUEST_INVALID", fields: ["identifier"] },
      },
      {
        what: "an unknown enum number",
        call: () => caller.call(method.sendOtp, { identifier: { case: "email", value: email }, channel: 77 as never }),
        told: { code: Code.InvalidArgument, reason: "REQUEST_INVALID", fields: ["channel"] },
      },
    ];

    it.each(refusals)("$what is refused", async ({ call, told }) => {
      expect(await failureOf(call())).toMatchObject({
        ...told,
        metadata: {},
        retryAfterMs: undefined,
        retryAfterHeader: undefined,
      });
    });

    it("K03: a message of 64 KiB is refused", async () => {
      const call = caller.call(method.revokeToken, { token: "x".repeat(65_536) });
      expect(await failureOf(call)).toMatchObject({ code: Code.ResourceExhausted });
    });
  });
}
