import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { SessionKind } from "../../src/gen/latchkey/v1/session_pb.js";
import type { User } from "../../src/gen/latchkey/v1/user_pb.js";
import { bearer, explained, refusalOf, refused, together, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { addMember } from "../support/members.js";
import { type AppUnderTest, type Auth, startTwoApps, type TwoApps } from "./two-apps.js";

const minute = 60_000;
const valuesOf = (user: User | undefined) => user?.contacts.map(({ value }) => value);

describe.each(testEngines())("a user who changes contacts, on $engine,", ({ database }) => {
  let on: TwoApps;
  let web: Auth;
  beforeEach(async () => {
    on = await startTwoApps(await database());
    ({ web } = on.plain);
  });
  afterEach(() => on.stop());

  /** A person with a session. Calls go out with its token. */
  async function person(app: AppUnderTest = on.plain, email = on.newEmail()) {
    const { user, tokens } = await on.redeem(app.web, await on.send(app.web, email));
    on.server.clock.advance(minute);
    return { user: user!, email: email.value, ...bearer(tokens!.accessToken), refreshToken: tokens!.refreshToken };
  }
  type Person = Awaited<ReturnType<typeof person>>;

  async function start(by: Person, value: string, replace = "", kind: "email" | "phone" = "email", from = web) {
    const contact = { case: kind, value };
    const { challenge } = await from.startContactChange({ contact, replace }, { headers: by.headers });
    const { code } = await on.server.messageOf(challenge);
    return { challengeId: challenge!.challengeId, code };
  }
  const redeem = (by: Person, change: { challengeId: string; code: string }) => web.verifyOtp(change, { headers: by.headers });
  const contactsOf = async (by: Person) => valuesOf((await web.getCurrentUser({}, { headers: by.headers })).user);
  const spent = async ({ challengeId }: { challengeId: string }) => await on.elsewhere.challenges.find(challengeId);

  it("has the new contact beside the old one as soon as its code came back, and not before", async () => {
    const ada = await person();
    const [email, phone] = [on.newEmail().value, "+46701234567"];
    const byMail = await start(ada, email);
    const byPhone = await start(ada, phone, "", "phone");
    expect(await contactsOf(ada)).toEqual([ada.email]);
    const answer = await redeem(ada, byMail);
    expect(answer).toMatchObject({
      purpose: Purpose.CHANGE_CONTACT,
      contact: { value: email },
      sessionId: "",
      isNewUser: false,
    });
    expect(answer.tokens).toBeUndefined();
    expect(valuesOf(answer.user)).toEqual([ada.email, email]);
    expect((await redeem(ada, byPhone)).user?.contacts.map(({ primary }) => primary)).toEqual([true, false, true]);
    on.server.clock.advance(minute);
    for (const identifier of [
      { case: "email" as const, value: email },
      { case: "phone" as const, value: phone },
    ]) {
      const { challenge } = await web.sendOtp({ identifier });
      expect((await on.redeem(web, challenge!)).user?.userId).toBe(ada.user.userId);
    }
  });

  it("replaces a contact: the old one signs nobody in, its live codes are dead, and another person can have it", async () => {
    const ada = await person();
    const waiting = await on.send(web, { case: "email", value: ada.email });
    const { code } = await on.server.messageOf(waiting);
    const email = on.newEmail().value;
    const change = await start(ada, email, ` ${ada.email.toUpperCase()} `);
    expect(valuesOf((await redeem(ada, change)).user)).toEqual([email]);
    expect((await refused(web.verifyOtp({ challengeId: waiting.challengeId, code }))).reason).toBe("CODE_INVALID");
    on.server.clock.advance(minute);
    const next = await on.redeem(web, await on.send(web, { case: "email", value: ada.email }));
    expect([next.isNewUser, next.user?.userId === ada.user.userId]).toEqual([true, false]);
    expect(await contactsOf(ada)).toEqual([email]);
  });

  it("can replace or prove a contact that the app only claims", async () => {
    const claimed = "+46701112233";
    const email = on.newEmail().value;
    const app = { appId: "plain", now: on.server.clock() };
    await addMember(on.elsewhere, app, { email, verifiedAt: on.server.clock(), phone: claimed });
    const ada = await person(on.plain, { case: "email", value: email });
    const proven = await redeem(ada, await start(ada, claimed, "", "phone"));
    expect(proven.user?.contacts.map(({ value, verifiedAt }) => [value, verifiedAt !== undefined])).toEqual([
      [email, true],
      [claimed, true],
    ]);
  });

  it("needs the token, credential or cookie of the same user with the code, and no attempt is spent without", async () => {
    const ada = await person();
    const bob = await person();
    const there = await person(on.strict, { case: "email", value: ada.email });
    const email = on.newEmail().value;
    const change = await start(ada, email);
    const before = await spent(change);
    const invalid = { reason: "CODE_INVALID", metadata: {} };
    expect(await explained(web.verifyOtp(change))).toMatchObject(invalid);
    expect(await explained(redeem(bob, change))).toMatchObject(invalid);
    expect(await explained(on.strict.web.verifyOtp(change, { headers: there.headers }))).toMatchObject(invalid);
    const unknown = { reason: "CODE_INVALID", metadata: { cause: "UNKNOWN" } };
    expect(await explained(on.plain.backend.verifyOtp(change))).toMatchObject(unknown);
    expect(await spent(change)).toEqual(before);
    expect(await contactsOf(ada)).toEqual([ada.email]);
    expect(valuesOf((await redeem(ada, change)).user)).toEqual([ada.email, email]);
  });

  it("may be the user of a backend, by token or credential; the backend itself gets the cause", async () => {
    const { backend } = on.plain;
    for (const session of [SessionKind.TOKENS, SessionKind.CREDENTIAL]) {
      const challenge = await on.send(backend);
      const { code } = await on.server.messageOf(challenge);
      const { tokens, sessionCredential } = await backend.verifyOtp({ challengeId: challenge.challengeId, code, session });
      const asUser = on.server.authWith({ authorization: `Bearer ${tokens?.accessToken ?? sessionCredential}` });
      on.server.clock.advance(minute);
      const email = on.newEmail();
      const { challenge: started } = await asUser.startContactChange({ contact: email });
      const change = { challengeId: started!.challengeId, code: (await on.server.messageOf(started)).code };
      const cause = { reason: "CODE_INVALID", metadata: { cause: "NOT_EXPECTED" } };
      expect(await explained(backend.verifyOtp(change))).toMatchObject(cause);
      expect((await spent(change))?.attempts).toBe(0);
      expect(valuesOf((await asUser.verifyOtp(change)).user)).toContain(email.value);
    }
  });

  it("learns that another user has the contact by the code alone: it is used up, and nothing else changed", async () => {
    const [ada, bob] = [await person(), await person()];
    const [free, taken] = [on.newEmail().value, bob.email];
    const key = "change-contact-0001";
    const started = async (value: string) =>
      (await web.startContactChange({ contact: { case: "email", value } }, { headers: ada.headers })).challenge!;
    const answers = [await started(free), await started(taken)] as const;
    const shape = (answer: (typeof answers)[number]) => ({
      ...answer,
      challengeId: "",
      resendAt: undefined,
      maskedDestination: answer.maskedDestination.length,
    });
    expect(shape(answers[1])).toEqual(shape(answers[0]));
    const { code } = await on.server.messageOf(answers[1]);
    const change = { challengeId: answers[1].challengeId, code, idempotencyKey: key };
    for (const again of [1, 2]) {
      expect([again, (await refused(redeem(ada, change))).reason]).toEqual([again, "CONTACT_TAKEN"]);
    }
    expect((await spent(change))?.consumedAt).not.toBeNull();
    expect((await refused(redeem(ada, { ...change, code: wrongCode(code) }))).reason).toBe("CODE_INVALID");
    expect([await contactsOf(ada), await contactsOf(bob)]).toEqual([[ada.email], [bob.email]]);
  });

  it("gets the same answer for a repeat with the same key, and a stranger with the same key gets none", async () => {
    const ada = await person();
    const change = { ...(await start(ada, on.newEmail().value)), idempotencyKey: "change-contact-0002" };
    const first = await redeem(ada, change);
    expect((await redeem(ada, change)).user).toEqual(first.user);
    expect((await refused(web.verifyOtp(change))).reason).toBe("CODE_INVALID");
    expect((await refused(redeem(await person(), change))).reason).toBe("CODE_INVALID");
    const again = { contact: on.newEmail(), idempotencyKey: "change-contact-0003" };
    const [one, two] = [
      await web.startContactChange(again, { headers: ada.headers }),
      await web.startContactChange(again, { headers: ada.headers }),
    ];
    expect(two.challenge?.challengeId).toBe(one.challenge?.challengeId);
    const other = await web.startContactChange(again, { headers: (await person()).headers });
    expect(other.challenge?.challengeId).not.toBe(one.challenge?.challengeId);
  });

  it("must have signed in within the last 10 minutes to start, and nothing is sent otherwise", async () => {
    const ada = await person();
    on.server.clock.advance(10 * minute);
    const { tokens } = await web.refreshToken({ refreshToken: ada.refreshToken });
    const email = on.newEmail();
    const call = web.startContactChange({ contact: email }, bearer(tokens!.accessToken));
    expect((await refused(call)).reason).toBe("RECENT_SIGN_IN_REQUIRED");
    expect(await on.server.messages(email.value, 0)).toEqual([]);
  });

  it("has at most 5 contacts of a kind: one more is refused at the start and with the code, a replacement is not", async () => {
    const ada = await person();
    const starts = [];
    for (let n = 0; n < 5; n += 1) starts.push(await start(ada, on.newEmail().value));
    for (const change of starts.slice(0, 4)) await redeem(ada, change);
    const full = (await contactsOf(ada))!;
    expect(full).toHaveLength(5);
    expect((await refused(redeem(ada, starts[4]!))).reason).toBe("TOO_MANY_CONTACTS");
    const contact = on.newEmail();
    const sixth = web.startContactChange({ contact }, { headers: ada.headers });
    expect((await refused(sixth)).reason).toBe("TOO_MANY_CONTACTS");
    expect(await on.server.messages(contact.value, 0)).toEqual([]);
    expect(await contactsOf(ada)).toEqual(full);
    const swapped = await redeem(ada, await start(ada, contact.value, full[4]));
    expect(valuesOf(swapped.user)?.toSorted()).toEqual([...full.slice(0, 4), contact.value].toSorted());
  });

  it("can replace contacts of their own and of the same kind alone", async () => {
    const [ada, bob] = [await person(), await person()];
    const contact = on.newEmail();
    for (const replace of [bob.email, "+46701234567", "no address", contact.value]) {
      const call = web.startContactChange({ contact, replace }, { headers: ada.headers });
      expect(await explained(call), replace).toMatchObject({ reason: "REQUEST_INVALID", fields: ["replace"] });
    }
    expect(await on.server.messages(contact.value, 0)).toEqual([]);
  });

  it("can't make such a challenge with SendOtp, and it redeems for nothing else", async () => {
    const ada = await person();
    for (const auth of [web, on.plain.backend]) {
      const call = auth.sendOtp({ identifier: on.newEmail(), purpose: Purpose.CHANGE_CONTACT });
      expect((await refused(call)).reason).toBe("PURPOSE_NOT_ALLOWED");
    }
    const change = await start(ada, on.newEmail().value);
    const asLogin = web.verifyOtp({ ...change, expectedPurpose: Purpose.LOGIN }, { headers: ada.headers });
    expect((await refused(asLogin)).reason).toBe("CODE_INVALID");
    const login = await on.send(web, { case: "email", value: ada.email });
    const { code } = await on.server.messageOf(login);
    const asChange = { challengeId: login.challengeId, code, expectedPurpose: Purpose.CHANGE_CONTACT };
    expect((await refused(web.verifyOtp(asChange, { headers: ada.headers }))).reason).toBe("CODE_INVALID");
    expect(valuesOf((await redeem(ada, change)).user)).toHaveLength(2);
  });

  it("of 20 parallel calls with the code one changes the contact, and of users who race for a contact one gets it", async () => {
    const people = await Promise.all(Array.from({ length: 4 }, () => person()));
    const { value } = on.newEmail();
    const changes = await Promise.all(
      people.map(async (by, n) => {
        const from = on.plain.webFrom(`192.0.2.${n}`);
        const change = await start(by, value, "", "email", from);
        return () => from.verifyOtp(change, { headers: by.headers });
      }),
    );
    const { results, reasons } = await together(20, (n) => changes[n % 4]!());
    expect(results).toHaveLength(1);
    const { CONTACT_TAKEN: taken = 0, CODE_INVALID: invalid = 0 } = reasons;
    expect([taken <= 3, taken + invalid]).toEqual([true, 19]);
    const having = await Promise.all(people.map(async (by) => (await contactsOf(by))!.includes(value)));
    expect(having.filter((has) => has)).toHaveLength(1);
  });

  it("is erased at any moment of the call with the code: the call succeeds or is refused, and never fails", async () => {
    const { appId } = on.plain;
    for (let wait = 0; wait < 15; wait++) {
      const ada = await person();
      const change = await start(ada, on.newEmail().value);
      const [answer] = await Promise.all([
        redeem(ada, change).then(
          () => "redeemed",
          (error: unknown) => refusalOf(error).reason,
        ),
        (async () => {
          for (let turn = 0; turn < wait; turn++) await new Promise((resolve) => setImmediate(resolve));
          await on.elsewhere.users.leave({ appId, userId: ada.user.userId, now: on.server.clock() });
        })(),
      ]);
      expect(["redeemed", "CODE_INVALID", "TOKEN_INVALID"]).toContain(answer);
      expect((await refused(contactsOf(ada))).reason).toBe("TOKEN_INVALID");
    }
  });
});
