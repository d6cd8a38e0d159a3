import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChallengeState, Channel, Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { explained, refused, together, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { type Auth, startTwoApps, type TwoApps } from "./two-apps.js";

const minute = 60_000;
const ended = (cause: string) => ({ reason: "CHALLENGE_ENDED", metadata: { cause }, fields: [] });
const notFound = { reason: "CHALLENGE_NOT_FOUND", metadata: {}, fields: [] };

describe.each(testEngines())("a backend that manages challenges, on $engine,", ({ database }) => {
  let on: TwoApps;
  let web: Auth;
  let backend: Auth;
  beforeAll(async () => {
    on = await startTwoApps(await database());
    ({ web, backend } = on.plain);
  });
  afterAll(() => on.stop());

  async function sent(auth: Auth, identifier = on.newEmail()) {
    const challenge = await on.send(auth, identifier);
    const { code } = await on.server.messageOf(challenge);
    return { identifier, challengeId: challenge.challengeId, code };
  }
  const get = async (challengeId: string) => (await backend.getChallenge({ challengeId })).challenge!;
  const wrongs = async (challengeId: string, code: string, times: number) => {
    for (let n = 0; n < times; n += 1) await refused(backend.verifyOtp({ challengeId, code: wrongCode(code, n) }));
  };

  it("sees its own challenges, with their purpose, state, sends and what is left", async () => {
    const { identifier, challengeId, code } = await sent(backend);
    await wrongs(challengeId, code, 2);
    expect(await get(challengeId)).toMatchObject({
      destination: identifier.value,
      challengeId,
      channel: Channel.EMAIL,
      purpose: Purpose.LOGIN,
      state: ChallengeState.PENDING,
      attemptsLeft: 3,
      sendsLeft: 4,
      sends: [{ requestedAt: timestampFromMs(on.server.clock()) }],
    });
    const byName = await backend.sendOtp({ identifier: { case: "username", value: "ada" } });
    expect((await get(byName.challenge!.challengeId)).destination, "the request did not name a contact").toBe("");
    const { challenge } = await backend.sendOtp({ identifier: on.newEmail(), purpose: Purpose.VERIFY_CONTACT });
    expect((await get(challenge!.challengeId)).purpose).toBe(Purpose.VERIFY_CONTACT);
    const { challenges } = await backend.registerUser({ email: on.newEmail().value });
    expect((await get(challenges[0]!.challengeId)).purpose).toBe(Purpose.REGISTRATION);
  });

  it("sees how a challenge ended", async () => {
    const states: number[] = [];
    for (const end of [
      async ({ challengeId, code }: { challengeId: string; code: string }) => await backend.verifyOtp({ challengeId, code }),
      async ({ challengeId }: { challengeId: string }) => await backend.approveChallenge({ challengeId }),
      async ({ challengeId }: { challengeId: string }) => await backend.cancelChallenge({ challengeId }),
      async ({ challengeId, code }: { challengeId: string; code: string }) => await wrongs(challengeId, code, 5),
      async () => on.server.clock.advance(6 * minute),
    ]) {
      const one = await sent(backend);
      await end(one);
      states.push((await get(one.challengeId)).state);
    }
    const { REDEEMED, CANCELLED, EXHAUSTED, EXPIRED } = ChallengeState;
    expect(states).toEqual([REDEEMED, REDEEMED, CANCELLED, EXHAUSTED, EXPIRED]);
  });

  it("sees a decoy as it sees a real challenge, at every step", async () => {
    const known = on.newEmail();
    await on.redeem(web, await on.send(web, known));
    on.server.clock.advance(minute);
    const identifiers = [known, on.newEmail()];
    const steps: unknown[][] = [];
    for (const identifier of identifiers) {
      const { challenge } = await backend.sendOtp({ identifier });
      const { challengeId } = challenge!;
      const seen: unknown[] = [];
      const look = async () => {
        const {
          challengeId: _id,
          maskedDestination: _masked,
          resendAt: _resendAt,
          destination,
          ...rest
        } = await get(challengeId);
        seen.push({ ...rest, isNamed: destination === identifier.value });
      };
      await look();
      await refused(backend.verifyOtp({ challengeId, code: "000000" }));
      await look();
      await backend.approveChallenge({ challengeId });
      await look();
      seen.push(await explained(backend.cancelChallenge({ challengeId })));
      steps.push(seen);
    }
    expect(steps[1]).toEqual(steps[0]);
    on.server.clock.advance(minute);
    const cancelled: unknown[][] = [];
    for (const identifier of identifiers) {
      const { challengeId } = (await backend.sendOtp({ identifier })).challenge!;
      await backend.cancelChallenge({ challengeId });
      cancelled.push([(await get(challengeId)).state, await explained(backend.verifyOtp({ challengeId, code: "000000" }))]);
    }
    expect(cancelled[1]).toEqual(cancelled[0]);
  });

  it("names a challenge by its identifier as VerifyOtp does: its own newest live one", async () => {
    const identifier = on.newEmail();
    await sent(web, identifier);
    expect(await explained(backend.getChallenge({ identifier }))).toEqual(notFound);
    const { challengeId } = await sent(backend, identifier);
    expect((await backend.getChallenge({ identifier })).challenge?.challengeId).toBe(challengeId);
    expect(await explained(backend.getChallenge({ identifier, purpose: Purpose.VERIFY_CONTACT }))).toEqual(notFound);
    expect((await backend.cancelChallenge({ identifier })).challenge).toMatchObject({
      challengeId,
      state: ChallengeState.CANCELLED,
    });
    expect(await explained(backend.approveChallenge({ identifier }))).toEqual(notFound);
    for (const request of [{}, { identifier, challengeId }]) {
      expect(await explained(backend.getChallenge(request))).toMatchObject({ fields: ["challenge_id"] });
    }
    const both = { challengeId, purpose: Purpose.LOGIN };
    expect(await explained(backend.getChallenge(both))).toMatchObject({ reason: "REQUEST_INVALID", fields: ["purpose"] });
  });

  it("never reaches challenges of other clients or apps: they are as unknown as any id, and stay as they are", async () => {
    const { challengeId, code } = await sent(on.strict.web);
    const ofWeb = await sent(web);
    for (const id of [challengeId, ofWeb.challengeId, "AAAAAAAAAAAAAAAAAAAAAA"]) {
      for (const call of [backend.getChallenge, backend.cancelChallenge, backend.approveChallenge]) {
        expect(await explained(call({ challengeId: id }))).toEqual(notFound);
      }
    }
    expect((await on.strict.web.verifyOtp({ challengeId, code })).tokens).toBeDefined();
  });

  it("cancels a challenge: its code no longer works and is erased, and only a live one can be cancelled", async () => {
    const { challengeId, code } = await sent(backend);
    const { challenge } = await backend.cancelChallenge({ challengeId });
    expect(challenge).toMatchObject({ challengeId, state: ChallengeState.CANCELLED });
    expect((await refused(backend.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
    on.server.clock.advance(minute);
    expect((await refused(backend.sendOtp({ identifier: { case: "challengeId", value: challengeId } }))).reason).toBe(
      "CODE_INVALID",
    );
    for (const call of [backend.cancelChallenge, backend.approveChallenge]) {
      expect(await explained(call({ challengeId }))).toEqual(ended("CANCELLED"));
    }
  });

  it("approves a challenge: no session, user or proof comes of it, its code is spent, and its sends come back", async () => {
    const identifier = on.newEmail();
    for (let n = 0; n < 6; n += 1) {
      const { challenge } = await backend.sendOtp({ identifier, createUserIfMissing: true, customCode: "482915" });
      const { challengeId } = challenge!;
      const answer = await backend.approveChallenge({ challengeId });
      expect(Object.keys(answer).toSorted()).toEqual(["$typeName", "challenge"]);
      expect(answer.challenge?.state).toBe(ChallengeState.REDEEMED);
      expect(await explained(backend.verifyOtp({ challengeId, code: "482915" }))).toMatchObject({
        reason: "CODE_INVALID",
        metadata: { cause: "CONSUMED" },
      });
      expect(await explained(backend.approveChallenge({ challengeId }))).toEqual(ended("CONSUMED"));
      // Past the shortest interval between two sends. Without the return the fifth send would be the last of the hour.
      on.server.clock.advance(20_000);
    }
    const { challenge } = await backend.sendOtp({ identifier });
    expect((await on.elsewhere.challenges.find(challenge!.challengeId))?.decoy).toBe(true);
  });

  it("approves only a live challenge", async () => {
    const exhausted = await sent(backend);
    await wrongs(exhausted.challengeId, exhausted.code, 5);
    expect(await explained(backend.approveChallenge(exhausted))).toMatchObject({ reason: "REQUEST_INVALID" });
    const { challengeId } = exhausted;
    expect(await explained(backend.approveChallenge({ challengeId }))).toEqual(ended("ATTEMPTS_EXHAUSTED"));
    const expired = await sent(backend);
    on.server.clock.advance(6 * minute);
    expect(await explained(backend.approveChallenge({ challengeId: expired.challengeId }))).toEqual(ended("EXPIRED"));
  });

  it("of calls that race to redeem, approve and cancel one challenge exactly one succeeds", async () => {
    for (let round = 0; round < 5; round += 1) {
      const { challengeId, code } = await sent(backend);
      const calls: (() => Promise<unknown>)[] = [
        () => backend.verifyOtp({ challengeId, code }),
        () => backend.approveChallenge({ challengeId }),
        () => backend.cancelChallenge({ challengeId }),
        () => backend.approveChallenge({ challengeId }),
      ];
      const { results, reasons } = await together(8, async (n) => await calls[(n + round) % 4]!());
      expect(results).toHaveLength(1);
      const { CODE_INVALID = 0, CHALLENGE_ENDED = 0 } = reasons;
      expect(CODE_INVALID + CHALLENGE_ENDED).toBe(7);
    }
  });

  it("is a confidential client with the scope: a public client, a user and a client without it are refused", async () => {
    const { challengeId } = await sent(backend);
    const methods = (auth: Auth) => [auth.getChallenge, auth.cancelChallenge, auth.approveChallenge];
    for (const call of methods(web)) expect((await refused(call({ challengeId }))).reason).toBe("CLIENT_INVALID");
    const { tokens } = await on.redeem(backend, await on.send(backend));
    const user = on.server.authWith({ authorization: `Bearer ${tokens!.accessToken}` });
    for (const call of methods(user)) {
      expect(await explained(call({ challengeId }))).toMatchObject({
        reason: "SCOPE_MISSING",
        metadata: { scope: "otp:manage" },
      });
    }
    const without = async (scopes: readonly ("otp:send" | "otp:manage")[]) => {
      await on.elsewhere.apps.changeClient({ clientId: "plain-backend", apply: (client) => ({ ...client, scopes }) });
      await on.change("plain", {});
    };
    await without(["otp:send"]);
    for (const call of methods(backend)) {
      expect(await explained(call({ challengeId }))).toMatchObject({
        reason: "SCOPE_MISSING",
        metadata: { scope: "otp:manage" },
      });
    }
    await without(["otp:manage"]);
    expect((await get(challengeId)).state).toBe(ChallengeState.PENDING);
  });
});
