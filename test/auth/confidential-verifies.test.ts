import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VerifyOtpRequestSchema } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { explained, refused, together, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { type Auth, startTwoApps, type TwoApps } from "./two-apps.js";

type VerifyOtp = MessageInitShape<typeof VerifyOtpRequestSchema>;
const minute = 60_000;
const codeInvalid = (cause?: string, attemptsLeft = "4") => ({
  reason: "CODE_INVALID",
  metadata: cause === undefined ? {} : { cause, ...(cause === "MISMATCH" && { attempts_left: attemptsLeft }) },
  fields: [],
});

describe.each(testEngines())("on $engine", ({ database }) => {
  let on: TwoApps;
  let web: Auth;
  let backend: Auth;
  beforeAll(async () => {
    on = await startTwoApps(await database());
    ({ web, backend } = on.plain);
  });
  afterAll(() => on.stop());

  /** A challenge whose code was sent, with the code. */
  async function sent(auth: Auth, identifier = on.newEmail()) {
    const challenge = await on.send(auth, identifier);
    const { code } = await on.server.messageOf(challenge);
    return { identifier, challengeId: challenge.challengeId, code, wrong: wrongCode(code) };
  }

  describe("a refused code says why to a confidential client, and to a public one nothing", () => {
    type Prepare = (auth: Auth) => Promise<VerifyOtp & { challengeId: string; code: string }>;
    const causes: Readonly<Record<string, Prepare>> = {
      UNKNOWN: async () => ({ challengeId: "AAAAAAAAAAAAAAAAAAAAAA", code: "123456" }),
      "UNKNOWN for another client's challenge": async () => await sent(on.strict.web),
      EXPIRED: async (auth) => {
        const one = await sent(auth);
        on.server.clock.advance(6 * minute);
        return one;
      },
      CONSUMED: async (auth) => {
        const { challengeId, code } = await sent(auth);
        await auth.verifyOtp({ challengeId, code });
        return { challengeId, code };
      },
      CANCELLED: async (auth) => {
        const one = await sent(auth);
        const { challengeId } = one;
        await on.elsewhere.challenges.end({
          challengeId,
          appId: "plain",
          how: "cancel",
          sendReturns: [],
          now: on.server.clock(),
        });
        return one;
      },
      ATTEMPTS_EXHAUSTED: async (auth) => {
        const one = await sent(auth);
        for (let n = 0; n < 5; n += 1)
          await refused(auth.verifyOtp({ challengeId: one.challengeId, code: wrongCode(one.code, n) }));
        return one;
      },
      MISMATCH: async (auth) => {
        const { challengeId, wrong } = await sent(auth);
        return { challengeId, code: wrong };
      },
      "MISMATCH for a decoy": async (auth) => {
        const { challenge } = await auth.sendOtp({ identifier: on.newEmail() });
        return { challengeId: challenge!.challengeId, code: "123456" };
      },
      "NOT_EXPECTED for another purpose": async (auth) => ({
        expectedPurpose: Purpose.REGISTRATION,
        ...(await sent(auth)),
        identifier: { case: undefined },
      }),
      "NOT_EXPECTED for another contact": async (auth) => ({
        expectedContact: "other@example.com",
        ...(await sent(auth)),
        identifier: { case: undefined },
      }),
      "NOT_EXPECTED for a user that must not be created": async (auth) => ({
        createUserIfMissing: false,
        ...(await sent(auth)),
        identifier: { case: undefined },
      }),
      "SUPERSEDED by a newer code for the same identifier": async (auth) => {
        const one = await sent(auth);
        on.server.clock.advance(minute);
        await sent(auth, one.identifier);
        return { ...one, newestOnly: true, identifier: { case: undefined } };
      },
    };
    for (const [name, prepare] of Object.entries(causes)) {
      it(name, async () => {
        for (const [auth, expected] of [
          [backend, codeInvalid(name.split(" ")[0])],
          [web, codeInvalid()],
        ] as const) {
          const { challengeId, code, ...more } = await prepare(auth);
          const { expectedPurpose, expectedContact, createUserIfMissing, newestOnly } = more;
          const given = { expectedPurpose, expectedContact, createUserIfMissing, newestOnly };
          const request = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
          expect(await explained(auth.verifyOtp({ challengeId, code, ...request }))).toEqual(expected);
        }
      });
    }

    it("counts the guesses that are left, down to none at the last wrong code", async () => {
      const { challengeId, code } = await sent(backend);
      for (let n = 0; n < 5; n += 1) {
        const answer = await explained(backend.verifyOtp({ challengeId, code: wrongCode(code, n) }));
        expect(answer).toEqual(codeInvalid("MISMATCH", String(4 - n)));
      }
    });

    it("newest_only spends no attempt of an older code, and minds neither other requesters nor other identifiers", async () => {
      const older = await sent(backend);
      on.server.clock.advance(minute);
      const stranger = on.plain.backendWith({ "x-latchkey-end-user-ip": "203.0.113.9" });
      await sent(stranger, older.identifier);
      await sent(backend);
      on.server.clock.advance(minute);
      const { challengeId, code, identifier } = await sent(backend, older.identifier);
      const refusal = backend.verifyOtp({ challengeId: older.challengeId, code: older.code, newestOnly: true });
      expect(await explained(refusal)).toEqual(codeInvalid("SUPERSEDED"));
      expect((await on.elsewhere.challenges.find(older.challengeId))?.attempts).toBe(0);
      on.server.clock.advance(minute);
      await sent(stranger, identifier);
      expect((await backend.verifyOtp({ challengeId, code, newestOnly: true })).isNewUser).toBe(true);
    });

    it("SENDS_EXHAUSTED and UNKNOWN of a resend", async () => {
      for (const auth of [backend, web]) {
        const { challengeId } = await sent(auth);
        const resend = () => auth.sendOtp({ identifier: { case: "challengeId", value: challengeId } });
        for (let n = 0; n < 4; n += 1) {
          on.server.clock.advance(1_000);
          await on.server.app.core.deps.store.challenges.resend({
            challengeId,
            clientId: auth === web ? "plain-web" : "plain-backend",
            requesterKey: Buffer.alloc(16),
            idempotency: null,
            charges: [],
            now: on.server.clock(),
          });
        }
        expect(await explained(resend())).toEqual(codeInvalid(auth === web ? undefined : "SENDS_EXHAUSTED"));
        const unknown = auth.sendOtp({ identifier: { case: "challengeId", value: "AAAAAAAAAAAAAAAAAAAAAA" } });
        expect(await explained(unknown)).toEqual(codeInvalid(auth === web ? undefined : "UNKNOWN"));
      }
    });

    it("TOO_MANY_GUESSES when the account's budget is spent, whether the code is right or wrong", async () => {
      const identifier = on.newEmail();
      const { user } = await on.redeem(backend, await on.send(backend, identifier));
      // Spent over the account's other identifiers and networks.
      for (let n = 0; n < 20; n += 1) {
        await on.server.app.core.deps.store.budgets.spend({
          charges: [
            { key: Buffer.concat([Buffer.of(5), Buffer.from(user!.userId)]), limits: [{ max: 20, windowMs: 3_600_000 }] },
          ],
          now: on.server.clock(),
        });
      }
      on.server.clock.advance(minute);
      const { challengeId, code, wrong } = await sent(backend, identifier);
      expect(await explained(backend.verifyOtp({ challengeId, code: wrong }))).toEqual(codeInvalid("TOO_MANY_GUESSES"));
      expect(await explained(backend.verifyOtp({ challengeId, code }))).toEqual(codeInvalid("TOO_MANY_GUESSES"));
      expect((await on.elsewhere.challenges.find(challengeId))?.consumedAt).toBeNull();
    });
  });

  describe("a code named by its identifier", () => {
    it("is the newest live one of this client for the identifier", async () => {
      const identifier = on.newEmail();
      const first = await sent(web, identifier);
      on.server.clock.advance(minute);
      const second = await sent(web, identifier);
      const byIdentifier = (code: string) => web.verifyOtp({ identifier, code });
      if (first.code !== second.code) expect((await refused(byIdentifier(first.code))).reason).toBe("CODE_INVALID");
      expect((await byIdentifier(second.code)).user?.contacts[0]?.value).toBe(identifier.value);
      expect((await refused(byIdentifier(second.code))).reason).toBe("CODE_INVALID");
    });

    it("is that of a login unless another purpose is expected", async () => {
      const identifier = on.newEmail();
      const { challenge } = await web.sendOtp({ identifier, purpose: Purpose.VERIFY_CONTACT });
      const { code } = await on.server.messageOf(challenge);
      expect(await explained(backend.verifyOtp({ identifier, code }))).toEqual(codeInvalid("UNKNOWN"));
      expect((await refused(web.verifyOtp({ identifier, code }))).reason).toBe("CODE_INVALID");
      const { contactProof } = await web.verifyOtp({ identifier, code, expectedPurpose: Purpose.VERIFY_CONTACT });
      expect(contactProof).not.toBe("");
    });

    it("is the owner's: no send of a stranger replaces it, from another network, another client or another end user", async () => {
      const identifier = on.newEmail();
      const owner = on.plain.webFrom("192.0.2.1");
      const { code } = await sent(owner, identifier);
      await on.send(on.plain.webFrom("198.51.100.1"), identifier);
      await on.send(backend, identifier);
      await on.send(on.strict.web, identifier);
      expect((await owner.verifyOtp({ identifier, code })).isNewUser).toBe(true);

      const customer = (address: string) => on.plain.backendWith({ "x-latchkey-end-user-ip": address });
      const other = on.newEmail();
      const theirs = await sent(customer("192.0.2.7"), other);
      await on.send(customer("192.0.2.8"), other);
      await on.send(backend, other);
      expect(await explained(customer("192.0.2.9").verifyOtp({ identifier: other, code: theirs.code }))).toEqual(
        codeInvalid("UNKNOWN"),
      );
      expect((await customer("192.0.2.7").verifyOtp({ identifier: other, code: theirs.code })).isNewUser).toBe(true);
    });

    it("gives the same outcome again for the same idempotency key, though its challenge is not live any more", async () => {
      const { identifier, code } = await sent(web);
      const request = { identifier, code, idempotencyKey: "by-identifier-00001" };
      const first = await web.verifyOtp(request);
      const again = await web.verifyOtp(request);
      expect([again.sessionId, again.isNewUser]).toEqual([first.sessionId, true]);
    });

    it("is redeemed once by calls that race, by identifier and by challenge", async () => {
      const { identifier, challengeId, code } = await sent(web);
      const { results, reasons } = await together(4, (n) =>
        web.verifyOtp(n % 2 ? { identifier, code } : { challengeId, code }),
      );
      expect([results.length, reasons]).toEqual([1, { CODE_INVALID: 3 }]);
    });

    it("needs a client that may name it so, and exactly one of challenge_id and identifier; no attempt is spent", async () => {
      const { identifier, challengeId, code } = await sent(web);
      expect(await explained(web.verifyOtp({ identifier, challengeId, code }))).toMatchObject({ fields: ["challenge_id"] });
      expect(await explained(web.verifyOtp({ code }))).toMatchObject({ reason: "REQUEST_INVALID", fields: ["challenge_id"] });
      await on.elsewhere.apps.changeClient({
        clientId: "plain-web",
        apply: (client) => ({ ...client, verifyByIdentifier: false }),
      });
      await on.change("plain", {});
      expect(await explained(web.verifyOtp({ identifier, code }))).toEqual({
        reason: "REQUEST_INVALID",
        metadata: {},
        fields: ["email"],
      });
      await on.elsewhere.apps.changeClient({
        clientId: "plain-web",
        apply: (client) => ({ ...client, verifyByIdentifier: true }),
      });
      await on.change("plain", {});
      expect((await on.elsewhere.challenges.find(challengeId))?.attempts).toBe(0);
      expect((await web.verifyOtp({ identifier, code })).isNewUser).toBe(true);
    });

    it("is not for the users of a confidential client, which may", async () => {
      const { tokens } = await on.redeem(backend, await on.send(backend));
      const user = on.server.authWith({ authorization: `Bearer ${tokens!.accessToken}` });
      const { identifier, challengeId, code } = await sent(backend);
      const notAllowed = { reason: "REQUEST_INVALID", fields: ["email"] };
      expect(await explained(user.verifyOtp({ identifier, code }))).toMatchObject(notAllowed);
      const again = user.sendOtp({ identifier, createUserIfMissing: true, reuseLive: true });
      expect(await explained(again)).toMatchObject({ reason: "REQUEST_INVALID", fields: ["reuse_live"] });
      expect((await on.elsewhere.challenges.find(challengeId))?.attempts).toBe(0);
      expect((await backend.verifyOtp({ identifier, code })).isNewUser).toBe(true);
    });
  });

  describe("create_user_if_missing of VerifyOtp", () => {
    it("narrows alone: false creates no user and leaves the code, true creates none that the send did not allow", async () => {
      const { challengeId, code } = await sent(web);
      expect((await refused(web.verifyOtp({ challengeId, code, createUserIfMissing: false }))).reason).toBe("CODE_INVALID");
      expect((await web.verifyOtp({ challengeId, code, createUserIfMissing: true })).isNewUser).toBe(true);
      const { challenge } = await web.sendOtp({ identifier: on.newEmail() });
      const decoy = { challengeId: challenge!.challengeId, code: "123456", createUserIfMissing: true };
      expect((await refused(web.verifyOtp(decoy))).reason).toBe("CODE_INVALID");
    });

    it("false signs in a user that exists, and does not concern a registration", async () => {
      const identifier = on.newEmail();
      await on.redeem(web, await on.send(web, identifier));
      on.server.clock.advance(minute);
      const { challengeId, code } = await sent(web, identifier);
      expect((await web.verifyOtp({ challengeId, code, createUserIfMissing: false })).tokens).toBeDefined();
      const { challenges } = await web.registerUser({ email: on.newEmail().value });
      const message = await on.server.messageOf(challenges[0]);
      const registered = { challengeId: message.challengeId, code: message.code, createUserIfMissing: false };
      expect((await web.verifyOtp(registered)).isNewUser).toBe(true);
    });
  });
});
