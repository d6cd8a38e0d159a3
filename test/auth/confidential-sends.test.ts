import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SendOtpRequestSchema } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { Channel, Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { explained, refusalOf, refused, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { queryRaw } from "../support/raw-database.js";
import { type Auth, startTwoApps, type TwoApps } from "./two-apps.js";

type SendOtp = MessageInitShape<typeof SendOtpRequestSchema>;
const minute = 60_000;
const ada = { email: "ada@example.com", phone: "+46701234567", username: "ada" };

describe.each(testEngines())("the sends of a confidential client, on $engine,", ({ database }) => {
  let on: TwoApps;
  let web: Auth;
  let backend: Auth;
  let userId: string;
  beforeAll(async () => {
    on = await startTwoApps(await database());
    ({ web, backend } = on.plain);
    const { challenges } = await web.registerUser(ada);
    await on.redeem(web, challenges[0]!);
    userId = (await on.redeem(web, challenges[1]!)).user!.userId;
  });
  afterAll(() => on.stop());

  /** Runs calls that must store no challenge. The sweep may delete older ones meanwhile. */
  async function storingNothing(calls: () => Promise<void>): Promise<void> {
    const ids = async () =>
      (await queryRaw<{ challenge_id: string }>(on.server, "SELECT challenge_id FROM challenges")).map(
        (row) => row.challenge_id,
      );
    const before = await ids();
    await calls();
    expect((await ids()).filter((id) => !before.includes(id))).toEqual([]);
  }
  /** What the client sees, without what differs from call to call. */
  async function shape(request: SendOtp) {
    on.server.clock.advance(20 * minute);
    const { challenge } = await backend.sendOtp(request);
    const { challengeId, resendAt, expiresAt, ...rest } = challenge!;
    const real = (await on.elsewhere.challenges.find(challengeId))?.decoy === false;
    // Before the clock moves on: an expired code is not sent.
    const to = real ? (await on.server.messageOf({ challengeId })).to : null;
    return { to, ...rest, idLength: challengeId.length, timed: resendAt !== undefined && expiresAt !== undefined, challengeId };
  }
  const alike = ({ challengeId: _id, to: _to, ...rest }: Awaited<ReturnType<typeof shape>>) => rest;

  it("name users by their id; an id that no user has looks the same and leads to nothing", async () => {
    const nobodysId = "00000000-0000-4000-8000-000000000000";
    const known = await shape({ identifier: { case: "userId", value: userId.toUpperCase() } });
    const unknown = await shape({ identifier: { case: "userId", value: nobodysId } });
    expect(alike(unknown)).toEqual(alike(known));
    expect(known.maskedDestination).toBe("");
    expect([known.to, unknown.to]).toEqual([ada.email, null]);
    const again = await shape({ identifier: { case: "userId", value: userId } });
    const { code } = await on.server.messageOf(again);
    expect((await backend.verifyOtp({ challengeId: again.challengeId, code })).user?.userId).toBe(userId);
  });

  it("a public client can't name users by their id, whether they exist or not, and nothing is stored", async () => {
    await storingNothing(async () => {
      for (const value of [userId, "00000000-0000-4000-8000-000000000000"]) {
        const identifier = { case: "userId" as const, value };
        const refusal = { reason: "REQUEST_INVALID", metadata: {}, fields: ["user_id"] };
        expect(await explained(web.sendOtp({ identifier }))).toEqual(refusal);
        expect(await explained(web.verifyOtp({ identifier, code: "123456" }))).toEqual(refusal);
      }
    });
  });

  it("choose the channel apart from the identifier: the code goes to the user's own contact, and decoys look alike", async () => {
    const cases = [
      ["email", ada.email, "nobod@example.com", Channel.SMS, ada.phone],
      ["phone", ada.phone, "+46709876543", Channel.EMAIL, ada.email],
      ["username", ada.username, "nobod", Channel.SMS, ada.phone],
    ] as const;
    for (const [kind, value, nobodys, channel, to] of cases) {
      const known = await shape({ identifier: { case: kind, value }, channel });
      const unknown = await shape({ identifier: { case: kind, value: nobodys }, channel });
      expect(alike(unknown)).toEqual(alike(known));
      expect([known.channel, known.maskedDestination]).toEqual([channel, ""]);
      expect(known.to).toBe(to);
      expect(await on.elsewhere.challenges.find(unknown.challengeId)).toMatchObject({ decoy: true, contact: null });
    }
    const own = await shape({ identifier: { case: "email", value: ada.email }, channel: Channel.EMAIL });
    expect(own.maskedDestination).toBe("a***@example.com");
  });

  it("over another channel than the contact's make no user of an unknown contact", async () => {
    const identifier = { case: "email" as const, value: "new@example.com" };
    const { challengeId } = await shape({ identifier, channel: Channel.SMS, createUserIfMissing: true });
    expect((await on.elsewhere.challenges.find(challengeId))?.decoy).toBe(true);
  });

  it("a public client can't choose a channel that does not reach its identifier, and a proof is never sent elsewhere", async () => {
    await storingNothing(async () => {
      const request = { identifier: { case: "email" as const, value: ada.email }, channel: Channel.SMS };
      expect((await refused(web.sendOtp(request))).reason).toBe("CHANNEL_UNAVAILABLE");
      const proof = { ...request, purpose: Purpose.VERIFY_CONTACT };
      expect((await refused(backend.sendOtp(proof))).reason).toBe("CHANNEL_UNAVAILABLE");
      for (const [kind, value] of [
        ["username", ada.username],
        ["userId", userId],
      ] as const) {
        const refusal = await explained(
          backend.sendOtp({ identifier: { case: kind, value }, purpose: Purpose.VERIFY_CONTACT }),
        );
        expect(refusal).toMatchObject({ reason: "REQUEST_INVALID", fields: [kind === "userId" ? "user_id" : kind] });
      }
    });
  });

  it("decide about a code within the hard bounds, and nothing else of the policy", async () => {
    const { challenge } = await backend.sendOtp({
      identifier: on.newEmail(),
      createUserIfMissing: true,
      codeLength: 10,
      codeTtl: { seconds: 60n },
    });
    expect(challenge?.codeLength).toBe(10);
    expect((await on.server.messageOf(challenge)).code).toHaveLength(10);
    expect(Number(challenge!.expiresAt!.seconds) * 1000).toBe(on.server.clock() + 60_000);
    const custom = await backend.sendOtp({ identifier: on.newEmail(), createUserIfMissing: true, customCode: "00000042" });
    expect(custom.challenge?.codeLength).toBe(8);
    const { code } = await on.server.messageOf(custom.challenge);
    expect(code).toBe("00000042");
    expect((await on.redeem(backend, custom.challenge!)).isNewUser).toBe(true);
  });

  it("C14: options beyond the hard bounds, without the scope, or of a public client are refused, and nothing is stored", async () => {
    await storingNothing(async () => {
      const identifier = on.newEmail();
      const beyond: [string, SendOtp][] = [
        ["code_length", { codeLength: 1 }],
        ["code_length", { codeLength: 0 }],
        ["code_length", { codeLength: -6 }],
        ["code_length", { codeLength: 2 ** 31 - 1 }],
        ["code_ttl", { codeTtl: { seconds: 601n } }],
        ["code_ttl", { codeTtl: { seconds: 86_400n } }],
        ["code_ttl", { codeTtl: { seconds: 59n, nanos: 999_000_000 } }],
        ["code_ttl", { codeTtl: { seconds: 0n } }],
        ["code_ttl", { codeTtl: { seconds: -1n } }],
        ["custom_code", { customCode: "12345" }],
        ["custom_code", { customCode: "12345678901" }],
        ["custom_code", { customCode: "abcdef" }],
        ["custom_code", { customCode: "１２３４５６" }],
        ["code_length", { codeLength: 8, customCode: "123456" }],
        ["custom_code", { customCode: "123456", reuseLive: true }],
      ];
      for (const [field, option] of beyond) {
        const refusal = await explained(backend.sendOtp({ identifier, ...option }));
        expect(refusal, JSON.stringify(option, String)).toMatchObject({ reason: "REQUEST_INVALID" });
        expect(new Set(refusal.fields)).toEqual(new Set([field]));
      }
      const within: SendOtp[] = [{ codeLength: 6 }, { codeTtl: { seconds: 600n } }, { customCode: "123456" }];
      const missing = { reason: "SCOPE_MISSING", metadata: { scope: "otp:options" }, fields: [] };
      for (const option of within) expect(await explained(web.sendOtp({ identifier, ...option }))).toEqual(missing);
      await on.elsewhere.apps.changeClient({
        clientId: "strict-backend",
        apply: (client) => ({ ...client, scopes: ["otp:send"] }),
      });
      await on.change("strict", {});
      for (const option of within)
        expect(await explained(on.strict.backend.sendOtp({ identifier, ...option }))).toEqual(missing);
    });
  });

  it("C15: are limited as those of a public client, for each end user that it names and in total", async () => {
    const identifier = on.newEmail();
    const sends: number[] = [];
    for (let user = 1; user <= 4; user += 1) {
      const auth = on.plain.backendWith({ "x-latchkey-end-user-ip": `192.0.2.${user}` });
      const results: string[] = [];
      for (let n = 0; n < 6; n += 1) {
        const result = await auth.sendOtp({ identifier, customCode: "482915" }).catch(refusalOf);
        results.push("reason" in result ? result.reason : "sent");
        // Only three challenges of a requester may be live.
        if ("challenge" in result) await backend.cancelChallenge({ challengeId: result.challenge!.challengeId });
        // Past the cooldown of the fourth send, and less than an hour in all.
        on.server.clock.advance([33, 66, 132, 330, 0, 0][n]! * 1_000);
      }
      expect(results[5]).toBe("TOO_MANY_REQUESTS");
      sends.push(results.filter((one) => one === "sent").length);
    }
    expect(sends).toEqual([5, 5, 5, 0]);
  });

  it("options of a resend are refused: it sends the same code", async () => {
    const challenge = await on.send(backend);
    const identifier = { case: "challengeId" as const, value: challenge.challengeId };
    on.server.clock.advance(minute);
    for (const [field, option] of [
      ["code_length", { codeLength: 8 }],
      ["code_ttl", { codeTtl: { seconds: 60n } }],
      ["custom_code", { customCode: "123456" }],
      ["reuse_live", { reuseLive: true }],
    ] as const) {
      expect(await explained(backend.sendOtp({ identifier, ...option }))).toMatchObject({ fields: [field] });
    }
    expect((await on.elsewhere.challenges.find(challenge.challengeId))?.sends).toBe(1);
  });

  describe("that reuse a live challenge", () => {
    const again = (auth: Auth, identifier: ReturnType<TwoApps["newEmail"]>, more: SendOtp = {}) =>
      auth.sendOtp({ identifier, createUserIfMissing: true, reuseLive: true, ...more });

    it("send the same code in the same challenge, and its attempts stay spent", async () => {
      const identifier = on.newEmail();
      const { challenge } = await again(web, identifier);
      const { code } = await on.server.messageOf(challenge);
      await refused(web.verifyOtp({ challengeId: challenge!.challengeId, code: wrongCode(code) }));
      expect((await refused(again(web, identifier))).reason).toBe("TOO_MANY_REQUESTS");
      on.server.clock.advance(minute);
      const { challenge: same } = await again(web, identifier);
      expect([same?.challengeId, same?.sendsLeft]).toEqual([challenge?.challengeId, 3]);
      const sent = await on.server.messages(identifier.value, 2);
      expect(sent.map((message) => message.code)).toEqual([code, code]);
      expect((await on.elsewhere.challenges.find(challenge!.challengeId))?.attempts).toBe(1);
      const other = await backend.sendOtp({ identifier, reuseLive: true });
      expect(other.challenge?.challengeId).not.toBe(challenge?.challengeId);
    });

    it("make a new one when the earlier has no attempts or no sends left, has ended, or has another purpose or channel", async () => {
      const spoil: ((id: string, code: string) => Promise<unknown>)[] = [
        async (challengeId, code) => {
          for (let n = 0; n < 5; n += 1) await refused(web.verifyOtp({ challengeId, code: wrongCode(code, n) }));
        },
        async (challengeId, code) => await web.verifyOtp({ challengeId, code }),
        async (challengeId) =>
          await on.elsewhere.challenges.end({
            challengeId,
            appId: "plain",
            how: "cancel",
            sendReturns: [],
            now: on.server.clock(),
          }),
        async () => on.server.clock.advance(6 * minute),
      ];
      for (const end of spoil) {
        const identifier = on.newEmail();
        const { challenge } = await again(web, identifier);
        await end(challenge!.challengeId, (await on.server.messageOf(challenge)).code);
        on.server.clock.advance(minute);
        const { challenge: next } = await again(web, identifier);
        expect(next?.challengeId).not.toBe(challenge?.challengeId);
        expect(next?.sendsLeft).toBe(4);
      }
      const identifier = on.newEmail();
      const { challenge } = await again(web, identifier);
      on.server.clock.advance(minute);
      const { challenge: proof } = await again(web, identifier, { purpose: Purpose.VERIFY_CONTACT });
      expect(proof?.challengeId).not.toBe(challenge?.challengeId);
    });

    it("give a decoy again as they give a real challenge, so that nobody learns who is a user", async () => {
      const shapes = [];
      for (const value of [ada.email, "nobod@example.com"]) {
        on.server.clock.advance(20 * minute);
        const identifier = { case: "email" as const, value };
        const { challenge } = await web.sendOtp({ identifier, reuseLive: true });
        on.server.clock.advance(minute);
        const { challenge: same } = await web.sendOtp({ identifier, reuseLive: true, createUserIfMissing: true });
        shapes.push([same?.challengeId === challenge?.challengeId, same?.sendsLeft, same?.channel]);
      }
      expect(shapes[1]).toEqual(shapes[0]);
      expect(shapes[0]).toEqual([true, 3, Channel.EMAIL]);
    });

    it("with an idempotency key send once, however often they are repeated", async () => {
      const identifier = on.newEmail();
      const request = { idempotencyKey: "reuse-live-once-0001" };
      const { challenge } = await again(web, identifier, request);
      on.server.clock.advance(minute);
      const { challenge: repeated } = await again(web, identifier, request);
      expect([repeated?.challengeId, repeated?.sendsLeft]).toEqual([challenge?.challengeId, 4]);
    });

    it("need a client that may name challenges by identifier", async () => {
      await on.elsewhere.apps.changeClient({
        clientId: "strict-web",
        apply: (client) => ({ ...client, verifyByIdentifier: false }),
      });
      await on.change("strict", {});
      await storingNothing(async () => {
        const refusal = { reason: "REQUEST_INVALID", metadata: {}, fields: ["reuse_live"] };
        expect(await explained(again(on.strict.web, on.newEmail()))).toEqual(refusal);
      });
    });
  });
});
