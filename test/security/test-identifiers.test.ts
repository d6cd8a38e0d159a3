import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppService } from "../../src/gen/latchkey/v1/app_service_pb.js";
import { Channel, Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { DeliveryService } from "../../src/gen/latchkey/v1/delivery_service_pb.js";
import { type Message, MessageStatus } from "../../src/gen/latchkey/v1/message_pb.js";
import { SessionKind } from "../../src/gen/latchkey/v1/session_pb.js";
import { ContactKind, CredentialType } from "../../src/gen/latchkey/v1/user_pb.js";
import { SignInObstacleKind, UserService } from "../../src/gen/latchkey/v1/user_service_pb.js";
import { scopes } from "../../src/model/scope.js";
import { type Auth, startTwoApps, type TwoApps } from "../auth/two-apps.js";
import { eventually } from "../support/app.js";
import { addBackend } from "../support/backend.js";
import { bearer, explained, refused } from "../support/calls.js";
import { connectClient } from "../support/clients.js";
import { testEngines } from "../support/engines.js";
import { addMember, type GivenMember } from "../support/members.js";

const minute = 60_000;
const day = 24 * 60 * minute;
const code = "424242";
const literal = { case: "email", value: "reviewer@example.com" } as const;
const ranged = { case: "email", value: "qa-7@example.com" } as const;
const phone = { case: "phone", value: "+46701234567" } as const;
type Identifier = { readonly case: "email" | "phone" | "username"; readonly value: string };

describe.each(testEngines())("test identifiers on $engine:", ({ database }) => {
  let on: TwoApps;
  let web: Auth;
  let backend: Auth;
  let admin: { apps: Client<typeof AppService>; delivery: Client<typeof DeliveryService>; users: Client<typeof UserService> };
  beforeEach(async () => {
    on = await startTwoApps(await database());
    ({ web, backend } = on.plain);
    const given = { clientId: "admin", appId: "plain", scopes: [...scopes] } as const;
    const headers = await addBackend({ store: on.elsewhere }, given);
    const { app } = on.server;
    admin = {
      apps: connectClient(AppService, app, { ...headers }),
      delivery: connectClient(DeliveryService, app, { ...headers }),
      users: connectClient(UserService, app, { ...headers }),
    };
    for (const pattern of [literal.value, "qa-*@example.com", "+4670123*"]) await put(pattern);
  });
  afterEach(() => on.stop());

  const now = () => on.server.clock();
  const put = (pattern: string, forMs = 7 * day, fixed = code) =>
    admin.apps.putTestIdentifier({ appId: "plain", pattern, code: fixed, endsAt: timestampFromMs(now() + forMs) });
  const add = async (given: GivenMember, appId: "plain" | "strict" = "plain") =>
    (await addMember(on.elsewhere, { appId, now: now() }, given)).user;
  const send = async (identifier: Identifier, auth: Auth = web) => {
    on.server.clock.advance(2 * minute);
    return (await auth.sendOtp({ identifier, createUserIfMissing: true })).challenge!;
  };
  const verify = (challengeId: string, given = code, auth: Auth = web) => auth.verifyOtp({ challengeId, code: given });
  const signIn = async (identifier: Identifier) => await verify((await send(identifier)).challengeId);
  const refusedCode = async (identifier: Identifier) => {
    const { challengeId } = await send(identifier);
    expect((await refused(verify(challengeId))).reason).toBe("CODE_INVALID");
    return challengeId;
  };
  const isDecoy = async (challengeId: string) => (await on.elsewhere.challenges.find(challengeId))!.decoy;
  const memberOf = async (userId: string) =>
    (await on.elsewhere.users.find({ poolId: "main", appId: "plain", key: { kind: "user_id", value: userId } }))!;
  const messageOf = (challengeId: string): Promise<Message> =>
    eventually("the message", async () => {
      const { messages } = await admin.delivery.listMessages({});
      return messages.find((one) => one.challengeId === challengeId && one.status !== MessageStatus.QUEUED);
    });
  const sent = async () => (await (await fetch(`http://127.0.0.1:${on.server.app.inboxPort}/messages`)).json()) as unknown[];
  const logged = (message: string) => on.server.log.lines.filter((line) => line.message === message);

  describe("a sign-in with the fixed code", () => {
    it.each([literal, ranged, phone])(
      "by $value makes a test account, and finds it again by the same contact",
      async (contact) => {
        const first = await signIn(contact);
        expect(first).toMatchObject({ isNewUser: true, test: true, contact: { value: contact.value } });
        expect(first.contact!.verifiedAt).toBeUndefined();
        const { userId } = first.user!;
        expect(first.user!.contacts.map(({ value, verifiedAt }) => [value, verifiedAt])).toEqual([[contact.value, undefined]]);
        expect((await memberOf(userId)).membership).toMatchObject({ credentialType: "test" });
        expect(await signIn(contact)).toMatchObject({ isNewUser: false, test: true, user: { userId } });
        expect((await memberOf(userId)).user.contacts).toEqual([
          { kind: contact.case, value: contact.value, verifiedAt: null },
        ]);
      },
    );

    it("sends nothing, and says `test` in the token, the session, the message and the log", async () => {
      const { challengeId } = await send(literal);
      const message = await messageOf(challengeId);
      expect(message).toMatchObject({ status: MessageStatus.TEST, provider: "" });
      expect(message.sentAt).toBeUndefined();
      const { tokens } = await verify(challengeId);
      expect(decodeJwt(tokens!.accessToken).amr).toEqual(["test"]);
      expect(decodeJwt(tokens!.idToken).amr).toEqual(["test"]);
      expect(decodeJwt(tokens!.idToken)).not.toHaveProperty("email");
      const { sessions } = await web.listSessions({}, bearer(tokens!.accessToken));
      expect(sessions.map(({ amr }) => amr)).toEqual([["test"]]);
      for (const line of ["challenge issued", "code redeemed", "code not sent: it is for a test identifier"]) {
        expect(logged(line).map(({ fields }) => fields)).toEqual([expect.objectContaining({ challengeId, test: true })]);
      }
      expect(await sent()).toEqual([]);
    });

    it("registers a test account, by one contact or by several", async () => {
      const one = await web.registerUser({ email: literal.value, displayName: "Reviewer" });
      expect(await verify(one.challenges[0]!.challengeId)).toMatchObject({ test: true, user: { displayName: "Reviewer" } });
      const both = await web.registerUser({ email: ranged.value, phone: phone.value });
      const pending = await verify(both.challenges[0]!.challengeId);
      expect(pending).toMatchObject({ test: true, registration: { pendingSources: [ContactKind.PHONE] } });
      const { user } = await verify(both.challenges[1]!.challengeId);
      expect(user!.contacts.map(({ verifiedAt }) => verifiedAt)).toEqual([undefined, undefined]);
      expect((await memberOf(user!.userId)).membership?.credentialType).toBe("test");
      expect(await sent()).toEqual([]);
    });

    it("without create_user_if_missing signs in only an account that exists, also one that a backend made", async () => {
      const before = await web.sendOtp({ identifier: literal });
      expect((await refused(verify(before.challenge!.challengeId))).reason).toBe("CODE_INVALID");
      const made = await admin.users.createUser({ email: literal.value, credentialType: CredentialType.TEST });
      on.server.clock.advance(2 * minute);
      const { challenge } = await web.sendOtp({ identifier: literal });
      expect(await verify(challenge!.challengeId)).toMatchObject({ isNewUser: false, user: { userId: made.user!.userId } });
      const verified = { phone: phone.value, credentialType: CredentialType.TEST, verified: [ContactKind.PHONE] };
      expect((await refused(admin.users.createUser(verified))).code).toBe("InvalidArgument");
    });

    it("has the length of its code, whatever the policy and the caller say", async () => {
      await put(literal.value, day, "12345678");
      const options = { identifier: literal, createUserIfMissing: true, customCode: "999999" };
      const { challenge } = await backend.sendOtp(options);
      expect(challenge!.codeLength).toBe(8);
      expect((await refused(verify(challenge!.challengeId, "999999", backend))).reason).toBe("CODE_INVALID");
      expect(await verify(challenge!.challengeId, "12345678", backend)).toMatchObject({ test: true });
    });

    it("counts guesses and sends as for everybody", async () => {
      const { challengeId } = await send(literal);
      for (let n = 0; n < 5; n += 1) await refused(verify(challengeId, "000000"));
      expect((await refused(verify(challengeId))).reason).toBe("CODE_INVALID");
      expect((await refused(web.sendOtp({ identifier: literal }))).reason).toBe("TOO_MANY_REQUESTS");
    });

    it("is sent again as nothing, over every channel, and redeems once", async () => {
      const { challengeId } = await send(phone);
      on.server.clock.advance(2 * minute);
      await web.sendOtp({ identifier: { case: "challengeId", value: challengeId } });
      await eventually("both messages", async () => {
        const { messages } = await admin.delivery.listMessages({});
        return messages.filter(({ status }) => status === MessageStatus.TEST).length === 2 ? true : undefined;
      });
      await verify(challengeId);
      expect((await refused(verify(challengeId))).reason).toBe("CODE_INVALID");
      expect(await sent()).toEqual([]);
    });
  });

  /** Each gives the contact to a person who must not be touched. */
  const owners: Readonly<Record<string, () => Promise<{ readonly userId: string }>>> = {
    "has verified it": () => add({ email: literal.value, verifiedAt: now() }),
    "has verified it in another app": () => add({ email: literal.value, verifiedAt: now() }, "strict"),
    "was given it by the backend": () => add({ email: literal.value }),
    "was given it and has roles in another app": async () => {
      const { userId } = await add({ email: literal.value });
      return await add({ userId, phone: "+46739999999" }, "strict");
    },
    "was given it and is invited": () => add({ email: literal.value, state: "invited" }),
  };
  describe.each(Object.entries(owners))("for a person who %s", (_, own) => {
    it("the fixed code does nothing: no sign-in, no registration, no proof, nothing sent", async () => {
      const live = await send(literal);
      const { userId } = await own();
      const before = await memberOf(userId);
      expect((await refused(verify(live.challengeId))).reason).toBe("CODE_INVALID");
      expect(await isDecoy(await refusedCode(literal))).toBe(true);
      on.server.clock.advance(2 * minute);
      const { challenges } = await web.registerUser({ email: literal.value });
      expect((await refused(verify(challenges[0]!.challengeId))).reason).toBe("CODE_INVALID");
      on.server.clock.advance(2 * minute);
      const proof = await backend.sendOtp({ identifier: literal, purpose: Purpose.VERIFY_CONTACT });
      expect((await refused(verify(proof.challenge!.challengeId, code, backend))).reason).toBe("CODE_INVALID");
      expect(await on.elsewhere.sessions.list({ userId, appId: "plain", now: now() })).toEqual([]);
      expect(await memberOf(userId)).toEqual(before);
      expect(await sent()).toEqual([]);
    });
  });

  describe("what many people know never reaches a real account", () => {
    it("a contact that its owner verifies later, at another app, is the owner's: the test account is found no more", async () => {
      const tested = await signIn(literal);
      on.server.clock.advance(2 * minute);
      const owner = await on.redeem(on.strict.web, await on.send(on.strict.web, literal));
      expect(owner.user!.userId).not.toBe(tested.user!.userId);
      await refusedCode(literal);
      expect((await memberOf(owner.user!.userId)).membership).toBeNull();
    });

    it("after the test identifier a code that was sent makes another person, also with trust in claims", async () => {
      await on.change("plain", { trustClaims: true });
      const tested = await signIn(literal);
      await admin.apps.deleteTestIdentifier({ appId: "plain", pattern: literal.value });
      on.server.clock.advance(2 * minute);
      const owner = await on.redeem(web, await on.send(web, literal));
      expect(owner).toMatchObject({ isNewUser: true, test: false });
      expect(owner.user!.userId).not.toBe(tested.user!.userId);
    });

    it("a live challenge ends with the test identifier: when it ends, is removed or gets another code", async () => {
      const ends: readonly (() => Promise<unknown>)[] = [
        () => admin.apps.deleteTestIdentifier({ appId: "plain", pattern: literal.value }),
        () => put(literal.value, day, "131313"),
        async () => on.server.clock.advance(minute),
      ];
      for (const end of ends) {
        await put(literal.value, 3 * minute);
        const { challengeId } = await send(literal);
        await end();
        const { metadata } = await explained(verify(challengeId));
        expect(metadata).not.toHaveProperty("cause");
        expect((await on.elsewhere.challenges.find(challengeId))!.consumedAt).toBeNull();
      }
    });

    it("a code that was sent before the test identifier was set stays the only one", async () => {
      const real = { case: "email", value: "later@example.com" } as const;
      const challenge = await send(real);
      const { code: sentCode } = await on.server.messageOf(challenge);
      await put(real.value);
      expect((await refused(verify(challenge.challengeId))).reason).toBe("CODE_INVALID");
      const { user, test } = await verify(challenge.challengeId, sentCode);
      expect([test, user!.contacts[0]!.verifiedAt !== undefined]).toEqual([false, true]);
      await refusedCode(real);
    });

    it("another app does not know it: not its code, and nothing is kept back there", async () => {
      const challenge = await on.send(on.strict.web, literal);
      expect((await refused(verify(challenge.challengeId, code, on.strict.web))).reason).toBe("CODE_INVALID");
      expect((await on.redeem(on.strict.web, challenge)).test).toBe(false);
    });

    it("a registration with a contact that is no test can't be completed, and sends the code to that one alone", async () => {
      const { challenges } = await web.registerUser({ email: literal.value, phone: "+46739876543" });
      expect((await refused(verify(challenges[0]!.challengeId))).reason).toBe("CODE_INVALID");
      const { code: sentCode } = await on.server.messageOf(challenges[1]);
      const pending = await verify(challenges[1]!.challengeId, sentCode);
      expect(pending).toMatchObject({ test: false, registration: { pendingSources: [ContactKind.EMAIL] } });
      expect(await sent()).toHaveLength(1);
    });

    it("no other identifier and no other channel leads to it: a username and a user id give decoys, and so does SMS for an e-mail", async () => {
      await put("+46739*");
      const real = await add({ email: "real@example.com", phone: "+46739876543", verifiedAt: now(), username: "real" });
      const made = await web.registerUser({ email: literal.value, username: "tester" });
      const tested = await verify(made.challenges[0]!.challengeId);
      const named = [{ case: "username", value: "tester" }, { case: "userId", value: tested.user!.userId }, literal] as const;
      for (const identifier of named) {
        on.server.clock.advance(2 * minute);
        const channel = identifier.case === "email" ? Channel.SMS : Channel.EMAIL;
        const { challenge } = await backend.sendOtp({ identifier, channel });
        expect(await isDecoy(challenge!.challengeId)).toBe(true);
        expect((await refused(verify(challenge!.challengeId, code, backend))).reason).toBe("CODE_INVALID");
      }
      // The number of a real user is covered, so its owner gets nothing there, and the fixed code is not tried for the name.
      for (const identifier of [
        { case: "username", value: "real" } as const,
        { case: "userId", value: real.userId } as const,
      ]) {
        on.server.clock.advance(2 * minute);
        const { challenge } = await backend.sendOtp({ identifier, channel: Channel.SMS });
        expect(await isDecoy(challenge!.challengeId)).toBe(true);
      }
      expect(await sent()).toEqual([]);
    });

    it("a test account gets no verified contact by itself, and a change of a real account to a test contact is a decoy", async () => {
      const { tokens, user } = await signIn(literal);
      const headers = bearer(tokens!.accessToken);
      const call = web.startContactChange({ contact: { case: "email", value: "mine@example.com" } }, headers);
      expect((await refused(call)).reason).toBe("PURPOSE_NOT_ALLOWED");
      expect((await memberOf(user!.userId)).user.contacts).toHaveLength(1);
      const real = await on.redeem(web, await on.send(web));
      const own = bearer(real.tokens!.accessToken);
      const { challenge } = await web.startContactChange({ contact: ranged }, own);
      const guess = web.verifyOtp({ challengeId: challenge!.challengeId, code }, own);
      expect((await refused(guess)).reason).toBe("CODE_INVALID");
      expect((await memberOf(real.user!.userId)).user.contacts.map(({ value }) => value)).not.toContain(ranged.value);
    });

    it("a backend that looks a test contact up, or creates a user with it, never meets the test account", async () => {
      const tested = await signIn(literal);
      expect((await refused(admin.users.getUser({ key: literal }))).reason).toBe("USER_NOT_FOUND");
      const { user } = await admin.users.createUser({ email: literal.value });
      expect(user!.userId).not.toBe(tested.user!.userId);
      await refusedCode(literal);
    });

    it("verifying by identifier finds the challenge and no other account", async () => {
      await send(literal);
      const byName = await web.verifyOtp({ identifier: literal, code });
      expect(byName).toMatchObject({ test: true });
      await add({ email: ranged.value, verifiedAt: now() });
      await send(ranged);
      expect((await refused(web.verifyOtp({ identifier: ranged, code }))).reason).toBe("CODE_INVALID");
    });

    it("a session ends with its test identifier at the latest", async () => {
      await put(literal.value, day);
      const { tokens } = await signIn(literal);
      on.server.clock.advance(day);
      expect((await refused(web.refreshToken({ refreshToken: tokens!.refreshToken }))).reason).toBe("SESSION_ENDED");
    });

    it("a backend that starts no session sees that it was a test", async () => {
      const { challengeId } = await send(literal, backend);
      const done = await backend.verifyOtp({ challengeId, code, session: SessionKind.NONE });
      expect([done.test, done.tokens, done.user!.contacts[0]!.verifiedAt]).toEqual([true, undefined, undefined]);
    });
  });

  it("ExplainSignIn says why no code comes, and which accounts are tests", async () => {
    const kindsOf = async (value: string) =>
      (await admin.users.explainSignIn({ key: { case: "email", value } })).obstacles.map(({ kind }) => kind);
    expect(await kindsOf(literal.value)).toEqual([SignInObstacleKind.NO_SUCH_USER, SignInObstacleKind.TEST_IDENTIFIER]);
    await signIn(literal);
    on.server.clock.advance(2 * minute);
    expect(await kindsOf(literal.value)).toEqual([]);
    await admin.apps.deleteTestIdentifier({ appId: "plain", pattern: literal.value });
    expect(await kindsOf(literal.value)).toEqual([SignInObstacleKind.TEST_ACCOUNT]);
    await add({ email: ranged.value, verifiedAt: now() });
    expect(await kindsOf(ranged.value)).toEqual([SignInObstacleKind.TEST_IDENTIFIER]);
  });

  it("are set, replaced, listed and removed, and wrong ones are refused", async () => {
    const list = async () => (await admin.apps.listTestIdentifiers({ appId: "plain" })).testIdentifiers;
    expect((await list()).map(({ pattern }) => pattern)).toEqual([literal.value, "qa-*@example.com", "+4670123*"]);
    await put(" Reviewer@EXAMPLE.com ", day, "111111");
    expect((await list()).map((one) => one.code)).toEqual(["111111", code, code]);
    const wrong = [
      ["*", day, code],
      ["+*", day, code],
      ["+467*", day, code],
      ["qa*", day, code],
      ["qa*x@example.com", day, code],
      ["reviewer", day, code],
      ["a@example.com", 0, code],
      ["a@example.com", 90 * day + 1, code],
      ["a@example.com", day, "12345"],
      ["a@example.com", day, "12345a"],
    ] as const;
    for (const [pattern, forMs, fixed] of wrong) {
      expect((await refused(put(pattern, forMs, fixed))).code, pattern).toBe("InvalidArgument");
    }
    const removal = admin.apps.deleteTestIdentifier({ appId: "plain", pattern: "nobody@example.com" });
    expect((await refused(removal)).code).toBe("InvalidArgument");
    await admin.apps.deleteTestIdentifier({ appId: "plain", pattern: "+46 70 123*" });
    expect((await list()).map(({ pattern }) => pattern)).toEqual([literal.value, "qa-*@example.com"]);
    expect((await refused(admin.apps.listTestIdentifiers({ appId: "none" }))).reason).toBe("APP_NOT_FOUND");
  });
});
